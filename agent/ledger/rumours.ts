/** What gossip says of the ledger. It may be seconds old; it only tells whom to ask. */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { MemberView } from '../membership/view.ts'

/** Of those who say that they lead, the one with the latest term. */
export function leaderAmong(members: readonly MemberView[]): PeerId | undefined {
  let newest: MemberView | undefined
  for (const member of members) {
    const { ledger } = member.digest
    if (!ledger?.leads || member.self || member.state !== 'alive') continue
    if (ledger.term > (newest?.digest.ledger?.term ?? -1)) newest = member
  }
  return newest?.id
}
