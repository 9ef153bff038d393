/**
 * What may enter the log, and why not. A refusal is a value that says what to do next; everything
 * refused here has left no trace.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { isSame, isSound, nextConfig, type Target } from './config.ts'
import type { Leadership } from './leadership.ts'
import { wireLimits } from './limits.ts'
import { entryBytes } from './log.ts'
import { type Entry, entryKind } from './messages.ts'
import type { Node } from './node.ts'

export interface Proposal {
  readonly data: Uint8Array
  readonly client?: string
  readonly serial?: number
}

/** Where the first of them stands. It is committed when it is applied with this very term. */
export interface Appended {
  readonly ok: true
  readonly index: number
  readonly term: number
}

export type Refused<Reason extends string> = {
  readonly ok: false
  readonly reason: Reason
  /** Whom to ask instead, as far as is known. */
  readonly leader: PeerId | undefined
}

export type ProposeRefusal =
  | 'notLeader'
  | 'transferring'
  /** An entry is larger than any may be. */
  | 'tooLarge'
  /** Too much is not committed yet: wait, and try again. */
  | 'backlogFull'
  /** The log is full, because no snapshot was taken in time. */
  | 'logFull'

export type ReconfigureRefusal =
  | 'notLeader'
  | 'transferring'
  /** The configuration is no longer the one that the change was made from. */
  | 'superseded'
  /** An earlier change is not yet committed, or the leader does not know yet that it is. */
  | 'changeInFlight'
  /** A voter to be does not hold the log yet, or is no learner yet. */
  | 'notCaughtUp'
  /** Nobody would vote, or a name comes twice, or more than there may be. */
  | 'unsound'

export type TransferRefusal = 'notLeader' | 'transferring' | 'notVoter' | 'unreachable'

export function propose(
  node: Node,
  leadership: Leadership,
  proposals: readonly Proposal[],
): Appended | Refused<ProposeRefusal> {
  const { log, limits, term, id } = node
  const refuse = (reason: ProposeRefusal) => ({ ok: false, reason, leader: id }) as const
  if (leadership.transfer !== undefined) return refuse('transferring')
  const entries: Entry[] = []
  let bytes = 0
  for (const { data, client, serial } of proposals) {
    if (data.length > wireLimits.entryBytesMax) return refuse('tooLarge')
    const entry: Entry = { term, kind: entryKind.normal, data }
    if (client !== undefined) entry.client = client
    if (serial !== undefined) entry.serial = serial
    bytes += entryBytes(entry)
    entries.push(entry)
  }
  // One proposal goes through whatever its size, or a small limit would stop a large one for ever.
  if (log.backlogBytes > 0 && log.backlogBytes + bytes > limits.backlogBytesMax)
    return refuse('backlogFull')
  if (log.bytes + bytes > limits.logBytesMax) return refuse('logFull')
  const index = log.lastIndex + 1
  node.append(entries)
  return { ok: true, index, term }
}

export function reconfigure(
  node: Node,
  leadership: Leadership,
  target: Target,
  basedOn: number,
): Appended | Refused<ReconfigureRefusal> {
  const { config, log, term, id } = node
  const refuse = (reason: ReconfigureRefusal) => ({ ok: false, reason, leader: id }) as const
  if (leadership.transfer !== undefined) return refuse('transferring')
  if (basedOn !== config.index) return refuse('superseded')
  // The second condition closes the hole of single-server changes that Ongaro reported in 2015.
  if (config.joint || log.commit < config.index || !leadership.hasCommittedInTerm)
    return refuse('changeInFlight')
  const next = nextConfig(config.config, target)
  if (!isSound(next) || isTooLarge(target)) return refuse('unsound')
  for (const voter of target.voters) {
    if (config.config.voters.some((present) => isSame(present, voter))) continue
    const peer = leadership.peers.get(voter.id)
    const lag = log.lastIndex - (peer?.match ?? 0)
    if (
      peer?.storage !== voter.storage ||
      peer.leavingUntilMs !== undefined ||
      peer.state !== 'replicate' ||
      lag > node.limits.promotionLagEntriesMax ||
      node.nowMs - peer.heardMs > node.timing.electionMs
    )
      return refuse('notCaughtUp')
  }
  const index = log.lastIndex + 1
  leadership.appendConfig(next)
  return { ok: true, index, term }
}

function isTooLarge({ voters, learners }: Target): boolean {
  return voters.length > wireLimits.votersMax || learners.length > wireLimits.learnersMax
}
