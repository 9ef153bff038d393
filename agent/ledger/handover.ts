/** Giving the lead to another voter: who is best able to take it, and waiting until it has. */
import type { RaftStatus } from '../../protocol/consensus/status.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Voter } from '../consensus/voter.ts'
import { ledgerLimits } from './limits.ts'
import { rest } from './patience.ts'

/** Voters that hold something, those that hold most first, and of these the one heard last. */
export function heirsOf({ id: self, peers, config }: RaftStatus): PeerId[] {
  const voters = new Set(config.voters.map(({ id }) => id))
  return peers
    .filter(({ id, match }) => id !== self && voters.has(id) && match > 0)
    .sort((a, b) => b.match - a.match || a.heardMsAgo - b.heardMsAgo)
    .map(({ id }) => id)
}

/** Of a host that stops: it waits a while for its heir, and goes in any case. */
export async function handOver(voter: Voter<unknown>, clock: Clock): Promise<void> {
  if (!voter.leads) return
  const [heir] = heirsOf(voter.status())
  if (heir === undefined || !voter.transfer(heir).ok) return
  const deadlineMs = clock.now() + ledgerLimits.handoverMs
  while (voter.leads && clock.now() < deadlineMs) await rest(clock, ledgerLimits.leaderRetryMs)
}
