/**
 * The time that entries are written with: the calendar's, but never behind what the ledger has seen.
 * When a calendar has jumped ahead and come back, the ledger's time goes on from where it was, a
 * little slower, until the calendar has caught up. If it stood still instead, so would whatever
 * waits for a time: sessions, approvals, the next try of a stage.
 */
import type { Clock } from '../../protocol/ports/clock.ts'

/** While it is ahead. The calendar gains an hour in ten. */
const PACE = 0.9

export class LedgerTime {
  private readonly clock: Clock
  private base = { timeMs: 0, atMs: 0 }

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** `seenMs`: of the state. */
  now(seenMs: number): number {
    const { clock, base } = this
    const atMs = clock.now()
    const goneOnMs = base.timeMs + Math.floor((atMs - base.atMs) * PACE)
    const toldMs = Math.max(clock.wall(), seenMs)
    if (toldMs < goneOnMs) return goneOnMs
    this.base = { timeMs: toldMs, atMs }
    return toldMs
  }
}
