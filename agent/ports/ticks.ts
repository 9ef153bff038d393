/**
 * Intervals of whole half seconds, called together at ticks that all of a host's share: an idle host
 * pays more for waking than for what it then does. They are called at the first waking of the host
 * that comes when one is due; only if there is none for a while, a runtime timer of their own wakes it.
 */
import type { Timer } from '../../protocol/ports/clock.ts'
import { tickGraceMs, tickMs, timerDelayMsMax } from './limits.ts'

interface Beat {
  readonly intervalMs: number
  readonly callback: () => void
  dueMs: number
}

export class Ticks {
  readonly #now: () => number
  readonly #beats = new Set<Beat>()
  #timeout: NodeJS.Timeout | undefined
  /** When the first of them is due. */
  #dueMs = Number.POSITIVE_INFINITY

  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether an interval is made of ticks. */
  static suit(intervalMs: number): boolean {
    return intervalMs % tickMs === 0
  }

  every(intervalMs: number, callback: () => void): Timer {
    const dueMs = tickFrom(this.#now() + intervalMs, intervalMs)
    const beat = { intervalMs, callback, dueMs }
    this.#beats.add(beat)
    this.#arm()
    return {
      cancel: () => {
        if (this.#beats.delete(beat)) this.#arm()
      },
    }
  }

  close(): void {
    this.#beats.clear()
    this.#arm()
  }

  /** The host is awake anyway. */
  awake(nowMs: number): void {
    if (nowMs >= this.#dueMs) this.#call(nowMs)
  }

  #arm(): void {
    let dueMs = Number.POSITIVE_INFINITY
    for (const beat of this.#beats) dueMs = Math.min(dueMs, beat.dueMs)
    if (dueMs === this.#dueMs) return
    clearTimeout(this.#timeout)
    this.#dueMs = dueMs
    if (dueMs === Number.POSITIVE_INFINITY) return
    const waitMs = Math.max(1, Math.ceil(dueMs + tickGraceMs - this.#now()))
    this.#timeout = setTimeout(() => this.#call(this.#now()), Math.min(waitMs, timerDelayMsMax))
  }

  #call(nowMs: number): void {
    this.#dueMs = Number.POSITIVE_INFINITY
    const due = [...this.#beats].filter(({ dueMs }) => dueMs <= nowMs)
    for (const beat of due) beat.dueMs = nextMs(beat, nowMs)
    // Armed before the calls, so that a callback that throws does not silence those of later ticks.
    this.#arm()
    for (const beat of due) if (this.#beats.has(beat)) beat.callback()
  }
}

function nextMs({ dueMs, intervalMs }: Beat, nowMs: number): number {
  const missed = nowMs - dueMs >= intervalMs
  return missed ? tickFrom(nowMs + intervalMs, intervalMs) : dueMs + intervalMs
}

/** The first tick from a moment on: of the whole seconds, if the interval is one of them. */
function tickFrom(atMs: number, intervalMs: number): number {
  const everyMs = intervalMs % 1_000 === 0 ? 1_000 : tickMs
  return Math.ceil(atMs / everyMs) * everyMs
}
