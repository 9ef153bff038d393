/**
 * Tells those who ask when this host leads and when it no longer does. A turn begins when the leader
 * has applied its first entry, and with it all that was committed before; it ends when it leads no
 * longer, hands over, stops, or has not heard of a quorum for as long as it takes to be replaced.
 *
 * Invariant: one turn at most is under way, and all who stand hear of it once and of its end.
 */
import type { Candidacy, Leadership } from '../../protocol/ledger/ledger.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import { ledgerLimits } from './limits.ts'
import type { Standing } from './standing.ts'

interface Turn {
  readonly term: number
  readonly index: number
}

interface Candidate {
  onElected(leadership: Leadership): void
  /** Ends what it was told of last. */
  end: AbortController | undefined
}

export class Turns {
  private readonly standing: Standing
  private readonly clock: Clock
  private readonly candidates = new Set<Candidate>()
  private turn: Turn | undefined
  private timer: Timer | undefined
  private looking = false

  constructor(standing: Standing, clock: Clock) {
    this.standing = standing
    this.clock = clock
    standing.onChange(() => {
      // While a turn lasts its end is told by events and by time, and not by every entry.
      if (this.turn === undefined && standing.leads) this.look()
    })
  }

  lead(onElected: (leadership: Leadership) => void): Candidacy {
    const candidate: Candidate = { onElected, end: undefined }
    this.candidates.add(candidate)
    this.look()
    return {
      withdraw: () => {
        this.candidates.delete(candidate)
        candidate.end?.abort()
      },
    }
  }

  /** Something may have begun or ended a turn: soon, and not in the middle of it, it is seen to. */
  look(): void {
    if (this.looking) return
    this.looking = true
    queueMicrotask(() => {
      this.looking = false
      this.update()
    })
  }

  private update(): void {
    const { turn } = this
    const held = this.held()
    if (turn !== undefined && turn.term !== held?.term) this.end()
    if (held !== undefined) {
      this.turn ??= held
      for (const candidate of this.candidates) this.tell(candidate, held)
    }
    this.plan()
  }

  /** The turn that may be under way now. */
  private held(): Turn | undefined {
    const { tenure, state } = this.standing
    if (tenure === undefined || tenure.handsOver) return undefined
    const { term, firstIndex, untilMs } = tenure
    if (state.index < firstIndex || this.clock.now() >= untilMs) return undefined
    return { term, index: firstIndex }
  }

  private tell(candidate: Candidate, { term, index }: Turn): void {
    if (candidate.end !== undefined) return
    const end = new AbortController()
    candidate.end = end
    const holds = () => !end.signal.aborted && this.held()?.term === term
    candidate.onElected({ term, index, over: end.signal, holds })
  }

  private end(): void {
    this.turn = undefined
    for (const candidate of this.candidates) {
      const { end } = candidate
      candidate.end = undefined
      end?.abort()
    }
  }

  /** A leader that is cut off gets no event: it looks at the clock. */
  private plan(): void {
    this.timer?.cancel()
    this.timer = undefined
    const { tenure } = this.standing
    if (tenure === undefined) return
    const leftMs = tenure.untilMs - this.clock.now()
    const waitMs = this.turn && leftMs > 0 ? leftMs : ledgerLimits.turnLookMs
    this.timer = this.clock.after(waitMs, () => this.look())
  }
}
