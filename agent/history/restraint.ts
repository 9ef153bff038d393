/**
 * When the history stands back: while the ledger goes on, work is under way, and each hop of it
 * would wait for a loop and a disk that are busy with what nobody is waiting for. It does not stand
 * back for ever: after a while it takes a step now and then.
 */
import { keeperLimits } from './limits.ts'

export class Restraint {
  /** Entries beyond those that a quiet ledger makes. */
  #entries = 0
  #seenIndex: number | undefined
  #seenMs = 0
  /** Since when it has stood back, or when it was last let go on in between. */
  #waitingMs: number | undefined

  /** Whether to stand back, now that the ledger has come to this entry. */
  standsBack(index: number, nowMs: number): boolean {
    this.#see(index, nowMs)
    if (this.#entries <= keeperLimits.entriesBurst) {
      this.#waitingMs = undefined
      return false
    }
    this.#waitingMs ??= nowMs + keeperLimits.patienceMs
    if (nowMs < this.#waitingMs) return true
    this.#waitingMs = nowMs + keeperLimits.lookMs / 2
    return false
  }

  #see(index: number, nowMs: number): void {
    const { entriesPerSecond, entriesBurst } = keeperLimits
    const came = index - (this.#seenIndex ?? index)
    const left = this.#entries - ((nowMs - this.#seenMs) * entriesPerSecond) / 1_000
    // So that it is known for quiet within two seconds, whatever went before.
    this.#entries = Math.min(Math.max(0, left) + came, entriesBurst + 2 * entriesPerSecond)
    this.#seenIndex = index
    this.#seenMs = nowMs
  }
}
