/**
 * The host's clock. Intervals come from the monotonic clock and timers from the runtime, whose
 * habit of firing up to a millisecond early is corrected here: "no earlier than" is a promise.
 *
 * Timers keep the process alive, as an agent's listening sockets do anyway; `close` cancels them.
 */
import { assert } from '../../protocol/assert.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import { timerDelayMsMax } from './limits.ts'
import { Ticks } from './ticks.ts'

/** A call that waits for its moment, however often the runtime wakes it too early. */
class Alarm implements Timer {
  readonly #clock: SystemClock
  readonly #pending: Set<Alarm>
  readonly #intervalMs: number | undefined
  readonly #callback: () => void
  #dueMs: number
  #timeout: NodeJS.Timeout | undefined

  constructor(
    clock: SystemClock,
    pending: Set<Alarm>,
    delayMs: number,
    intervalMs: number | undefined,
    callback: () => void,
  ) {
    this.#clock = clock
    this.#pending = pending
    this.#intervalMs = intervalMs
    this.#callback = callback
    this.#dueMs = clock.now() + delayMs
    pending.add(this)
    this.#arm(delayMs)
  }

  cancel(): void {
    clearTimeout(this.#timeout)
    this.#pending.delete(this)
  }

  #arm(delayMs: number): void {
    const waitMs = Math.min(Math.max(1, Math.ceil(delayMs)), timerDelayMsMax)
    this.#timeout = setTimeout(() => {
      const nowMs = this.#clock.now()
      this.#wake(nowMs)
      this.#clock.awake(nowMs)
    }, waitMs)
  }

  #wake(nowMs: number): void {
    if (nowMs < this.#dueMs) {
      this.#arm(this.#dueMs - nowMs)
      return
    }
    if (this.#intervalMs === undefined) {
      this.#pending.delete(this)
      this.#callback()
      return
    }
    this.#dueMs = nowMs + this.#intervalMs
    // Armed before the call, so that a callback that throws does not silence the ones after it.
    this.#arm(this.#intervalMs)
    this.#callback()
  }
}

export class SystemClock implements Clock {
  readonly #pending = new Set<Alarm>()
  readonly #ticks = new Ticks(() => this.now())
  #lastMs = 0
  #closed = false

  now(): number {
    const nowMs = performance.now()
    assert(nowMs >= this.#lastMs, 'the monotonic clock never goes back', {
      nowMs,
      lastMs: this.#lastMs,
    })
    this.#lastMs = nowMs
    return nowMs
  }

  wall(): number {
    return Date.now()
  }

  after(delayMs: number, callback: () => void): Timer {
    assert(delayMs >= 0, 'a delay is not negative', { delayMs })
    if (this.#closed) return neverFires
    return new Alarm(this, this.#pending, delayMs, undefined, callback)
  }

  every(intervalMs: number, callback: () => void): Timer {
    assert(intervalMs > 0, 'an interval is longer than nothing', { intervalMs })
    if (this.#closed) return neverFires
    if (Ticks.suit(intervalMs)) return this.#ticks.every(intervalMs, callback)
    return new Alarm(this, this.#pending, intervalMs, intervalMs, callback)
  }

  /** For its own alarms: whatever woke the host, intervals that are due are called as well. */
  awake(nowMs: number): void {
    this.#ticks.awake(nowMs)
  }

  /** Cancels every timer. Later ones never fire: what is being stopped must not start anew. */
  close(): void {
    this.#closed = true
    for (const alarm of this.#pending) alarm.cancel()
    this.#ticks.close()
  }
}

const neverFires: Timer = { cancel: () => {} }
