/** Counters that only grow, and the rates made of them. */

/**
 * How far a counter has come. One that went back has been started anew (an interface that was
 * taken down, a disk that was plugged in again): what it shows is what has passed since then.
 */
export function advance(before: number, now: number): number {
  return now >= before ? now - before : now
}

export function perSecond(before: number, now: number, elapsedMs: number): number {
  return (advance(before, now) * 1000) / elapsedMs
}
