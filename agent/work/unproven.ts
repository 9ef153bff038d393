/**
 * What somebody says as the leader of a term that the ledger on this host has not heard of yet. The
 * ledger's own word may be a moment behind on another stream, so it is waited for, and nothing is
 * done before: whoever merely claims to lead moves nothing here, not even the term.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import { deskLimits } from './limits.ts'
import type { FromLeader } from './wire.ts'

/** Whether a peer leads in a term, as far as the ledger can tell on this host. */
export type Leading = 'yes' | 'no' | 'unknown'

interface Claim {
  from: PeerId
  frame: FromLeader
  untilMs: number
}

export class Unproven {
  readonly #clock: Clock
  /** Called while there is something: the time has come to look again. */
  readonly #look: () => void
  #claims: Claim[] = []
  #timer: Timer | undefined
  #dropped = 0

  constructor(clock: Clock, look: () => void) {
    this.#clock = clock
    this.#look = look
  }

  /** Frames that were never proven, since the start. */
  get dropped(): number {
    return this.#dropped
  }

  get size(): number {
    return this.#claims.length
  }

  holds(from: PeerId): boolean {
    return this.#claims.some((claim) => claim.from === from)
  }

  keep(from: PeerId, frame: FromLeader): void {
    const untilMs = this.#clock.now() + deskLimits.unprovenMs
    this.#claims.push({ from, frame, untilMs })
    if (this.#claims.length > deskLimits.unprovenMax) {
      this.#claims.shift()
      this.#dropped++
    }
    this.#lookAgain()
  }

  /** Hands over, in their order, what is proven by now; what never was is dropped. */
  review(
    leads: (from: PeerId, term: number) => Leading,
    hear: (from: PeerId, frame: FromLeader) => void,
  ): void {
    const nowMs = this.#clock.now()
    for (const { from, frame, untilMs } of this.#claims.splice(0)) {
      const leading = leads(from, frame.value.term)
      if (leading === 'yes') hear(from, frame)
      else if (leading === 'no' || nowMs >= untilMs) this.#dropped++
      else this.#claims.push({ from, frame, untilMs })
    }
    if (this.#claims.length === 0) this.stop()
    else this.#lookAgain()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #lookAgain(): void {
    this.#timer ??= this.#clock.after(deskLimits.unprovenLookMs, () => {
      this.#timer = undefined
      this.#look()
    })
  }
}
