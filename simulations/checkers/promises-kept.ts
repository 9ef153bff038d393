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
  if (safe.term < term) return broken(host, frame, `its disk is in term ${safe.term}`)
  // What was promised in an earlier term was kept then.
  if (safe.term > term) return undefined
  switch (frame.kind) {
    case 'voteRequest': {
      const { lastIndex, lastTerm } = frame.value
      return lacks(host, frame, { index: lastIndex, term: lastTerm }, safe)
    }
    case 'voteAnswer': {
      if (!frame.value.granted || safe.vote === to) return undefined
      const whose = safe.vote === undefined ? 'no vote' : 'another vote'
      return broken(host, frame, `its disk remembers ${whose}`)
    }
    case 'appendAnswer': {
      const { accepted, index } = frame.value
      const held = accepted ? log.termAt(index) : undefined
      // A later leader's entry may have taken its place since; that is not what was accepted.
      if (held === undefined) return undefined
      return lacks(host, frame, { index, term: Math.min(held, term) }, safe)
    }
    default:
      return undefined
  }
}

function lacks(
  host: string,
  frame: RaftFrame,
  claimed: Position,
  { promised }: SafeState,
): Violation | undefined {
  if (!reachesBeyond(claimed, promised)) return undefined
  return broken(
    host,
    frame,
    `it claims ${claimed.index}@${claimed.term}, its disk ends at ${promised.index}@${promised.term}`,
  )
}

function broken(host: string, { kind, value }: RaftFrame, what: string): Violation {
  return violation(LAW, `${kind} of ${host} in term ${value.term}: ${what}`)
}
