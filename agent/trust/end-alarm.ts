/** One alarm, for the certificate that ends first of those who are here. */
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import { trustLimits } from './limits.ts'

export class EndAlarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #set: { timer: Timer; atMs: number } | undefined

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings when that is, by the wall clock, or sooner: somebody may set the clock. */
  by(wallMs: number): void {
    const leftMs = wallMs - this.#clock.wall()
    const waitMs = Math.max(0, Math.min(leftMs, trustLimits.lookAgainMs))
    const atMs = this.#clock.now() + waitMs
    if (this.#set !== undefined && this.#set.atMs <= atMs) return
    this.cancel()
    const timer = this.#clock.after(waitMs, () => {
      this.#set = undefined
      this.#ring()
    })
    this.#set = { timer, atMs }
  }

  cancel(): void {
    this.#set?.timer.cancel()
  }
}
