/**
 * An allowance that refills evenly, up to a burst. It needs no timer; time is given. What can be
 * refused is taken (`take`). What has arrived already is charged (`charge`): the allowance may run
 * into debt, and the debt is waited out.
 */
export class TokenBucket {
  readonly #perMs: number
  readonly #burst: number
  #tokens: number
  #atMs: number

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1_000
    this.#burst = burst
    this.#tokens = burst
    this.#atMs = nowMs
  }

  /** Takes what is asked for, or nothing and returns false. */
  take(amount: number, nowMs: number): boolean {
    this.#refill(nowMs)
    if (this.#tokens < amount) return false
    this.#tokens -= amount
    return true
  }

  charge(amount: number, nowMs: number): void {
    this.#refill(nowMs)
    this.#tokens -= amount
  }

  /** Until the debt is paid; 0 without one. */
  waitMs(nowMs: number): number {
    this.#refill(nowMs)
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens / this.#perMs)
  }

  /** A full bucket says the same as none: it may be forgotten. */
  full(nowMs: number): boolean {
    this.#refill(nowMs)
    return this.#tokens >= this.#burst
  }

  #refill(nowMs: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
  }
}
