/** What gossip says of the ledger. It may be seconds old; it only tells whom to ask. */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Digest, LedgerRecord } from '../../protocol/membership/digest.ts'
import type { MemberView } from '../membership/view.ts'
import type { Claim } from './comparing.ts'

/** One for each record that was heard, so that it can be told which were weighed before. */
const claims = new WeakMap<LedgerRecord, Claim>()

/**
 * What each of these others says that it holds; signed by itself, whether it votes or not. Of one
 * that has stopped, what it said last: it is no less true.
 */
export function claimsAmong(
  others: Iterable<{ readonly id: PeerId; readonly digest: Pick<Digest, 'ledger'> }>,
): Claim[] {
  const said: Claim[] = []
  for (const { id, digest } of others) {
    const { ledger } = digest
    if (ledger === undefined || ledger.digest === '') continue
    said.push(claims.get(ledger) ?? claimOf(id, ledger))
  }
  return said
}

function claimOf(id: PeerId, record: LedgerRecord): Claim {
  const { storage, term, applied, digest, mark } = record
  const marks = [...(mark ? [mark] : []), { index: applied, digest }]
  const claim = { id, storage, term, marks }
  claims.set(record, claim)
  return claim
}

/** How late another host's event loop is, at the 99th percentile, by its own word. */
export function lagAmong(members: readonly MemberView[], peer: PeerId): number | undefined {
  const micros = members.find(({ id }) => id === peer)?.digest.load?.loopLagMicros
  return micros === undefined ? undefined : micros / 1_000
}

/** Of those who say that they lead, and may, the one with the latest term. */
export function leaderAmong(
  members: readonly MemberView[],
  mayLead: (peer: PeerId) => boolean,
): PeerId | undefined {
  let newest: MemberView | undefined
  for (const member of members) {
    const { ledger } = member.digest
    if (!ledger?.leads || member.self || member.state !== 'alive') continue
    const newer = ledger.term > (newest?.digest.ledger?.term ?? -1)
    if (newer && mayLead(member.id)) newest = member
  }
  return newest?.id
}
