/** What a message promises is safe on the disk of whoever sends it, when it leaves. */
import type { LogView, Position } from '../../protocol/consensus/log.ts'
import type { RaftFrame } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { reachesBeyond } from './further.ts'
import { type Violation, violation } from './violation.ts'

/** What a loss of power, now, would leave. */
export interface SafeState {
  readonly term: number
  readonly vote: PeerId | undefined
  /** The end of the log, as far as it is safe. */
  readonly promised: Position
}

const LAW = 'promises are kept'

export function keepsPromise(
  host: string,
  to: PeerId,
  frame: RaftFrame,
  log: LogView,
  safe: SafeState,
): Violation | undefined {
  if (frame.kind === 'preVoteRequest' || frame.kind === 'preVoteAnswer') return undefined
  const { term } = frame.value
  const broken = (what: string) =>
    violation(LAW, `${frame.kind} of ${host} in term ${term}: ${what}`)
  if (safe.term < term) return broken(`its disk is in term ${safe.term}`)
  // What was promised in an earlier term was kept then.
  if (safe.term > term) return undefined
  const { promised } = safe
  const lacks = (claimed: Position) =>
    reachesBeyond(claimed, promised)
      ? broken(
          `it claims ${claimed.index}@${claimed.term}, its disk ends at ${promised.index}@${promised.term}`,
        )
      : undefined
  switch (frame.kind) {
    case 'voteRequest':
      return lacks({ index: frame.value.lastIndex, term: frame.value.lastTerm })
    case 'voteAnswer':
      if (!frame.value.granted || safe.vote === to) return undefined
      return broken(`its disk remembers ${safe.vote === undefined ? 'no vote' : 'another vote'}`)
    case 'appendAnswer': {
      const { accepted, index } = frame.value
      const held = accepted ? log.termAt(index) : undefined
      // A later leader's entry may have taken its place since; that is not what was accepted.
      return held === undefined ? undefined : lacks({ index, term: Math.min(held, term) })
    }
    default:
      return undefined
  }
}
