/**
 * Time, as the core sees it. Everything that waits, waits on a `Clock`, so that the simulator
 * can run a year in a minute and replay it to the microsecond.
 */

/** A pending callback. Cancelling one that has fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Milliseconds on a clock that never goes back; its zero means nothing. For intervals. */
  now(): number
  /** Milliseconds since 1970 by the host's calendar. It may jump. For people, never for intervals. */
  wall(): number
  /** Calls once, no earlier than `delayMs` from now. Never calls before returning. */
  after(delayMs: number, callback: () => void): Timer
  /**
   * Calls again and again, `intervalMs` apart; the first time no earlier than that, and up to a
   * second later if intervals of whole half seconds are to fall together, which spares an idle host
   * most of its waking. So does that any of their calls may come some tenths of a second late, if
   * the host is awake by then anyway; the ones after it do not move. A host that was paused gets
   * one call when it wakes, not one for each that it missed.
   */
  every(intervalMs: number, callback: () => void): Timer
}
