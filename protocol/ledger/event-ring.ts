/**
 * The most recent events, for subscribers that come back. Whoever asks for more than is kept is
 * told so, with the index to read the state at; a gap is never passed over in silence.
 *
 * Invariant: holds every event of the entries after `since` up to `index`, and of no other; the
 * events of one entry come and go together.
 */
import { assert } from '../assert.ts'
import {
  type Cursor,
  changeBytes,
  countIn,
  cursorAfter,
  cursorAfterIndex,
  eventsIn,
  type LedgerEvent,
  precedes,
  type Telling,
} from './events.ts'
import { type LocalLimits, localLimits } from './limits.ts'

export type Resumed =
  /** In order, without a gap from the cursor on. Ask again with `next`; `[]` when there is no more. */
  | { kind: 'events'; events: readonly LedgerEvent[]; next: Cursor }
  /** Too old: read the state, and go on after the index at which it was read. */
  | { kind: 'gap'; readAt: number }
  /** Beyond what this replica has applied: another replica was ahead, or it is another history. */
  | { kind: 'ahead'; index: number }

export class EventRing {
  private readonly limits: LocalLimits
  /** Side by side, whatever entry they are of: what is kept of each is all that the collector sees. */
  private kept: (Telling | undefined)[] = []
  /** Those before this one have left; the array is cut now and then. */
  private first = 0
  private bytes = 0
  private since: number
  /** How many events the entry at `since` had: who has heard them all has missed nothing. */
  private sinceCount = Number.POSITIVE_INFINITY
  private index: number

  /** `index`: of the state that this replica begins with. Nothing before it can be resumed. */
  constructor(index: number, limits: LocalLimits = localLimits) {
    this.since = index
    this.index = index
    this.limits = limits
  }

  /** The outcome of every entry, in order, also when it has no events. */
  push(index: number, told: readonly Telling[]): void {
    assert(index === this.index + 1, 'events must come without a gap', { index, after: this.index })
    this.index = index
    if (told.length === 0) return
    for (const telling of told) {
      this.kept.push(telling)
      this.bytes += this.bytesOf(telling)
    }
    const { eventsKeptMax, eventBytesKeptMax } = this.limits
    while (this.kept.length - this.first > eventsKeptMax || this.bytes > eventBytesKeptMax) {
      this.dropOldest()
    }
  }

  resume(from: Cursor, max = this.limits.eventsPerAnswerMax): Resumed {
    if (from.index > this.index + 1) return { kind: 'ahead', index: this.index }
    if (from.index < this.since || (from.index === this.since && from.ordinal < this.sinceCount)) {
      return { kind: 'gap', readAt: this.index }
    }
    const events: LedgerEvent[] = []
    for (let at = this.find(from.index); at < this.kept.length; at++) {
      for (const event of eventsIn(this.kept[at] as Telling)) {
        if (precedes(event, from)) continue
        if (events.length >= max) {
          return { kind: 'events', events, next: cursorAfter(events.at(-1) as LedgerEvent) }
        }
        events.push(event)
      }
    }
    // Past the entries without events too, so that a quiet subscriber does not fall behind the ring.
    const next = from.index > this.index ? from : cursorAfterIndex(this.index)
    return { kind: 'events', events, next }
  }

  /** The first event of an entry at `index` or later. */
  private find(index: number): number {
    let low = this.first
    let high = this.kept.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.kept[middle] as Telling).index < index) low = middle + 1
      else high = middle
    }
    return low
  }

  /** All that the oldest entry had to say. */
  private dropOldest(): void {
    const { index } = this.kept[this.first] as Telling
    let dropped = 0
    for (let each = this.kept[this.first]; each?.index === index; each = this.kept[this.first]) {
      this.kept[this.first++] = undefined
      this.bytes -= this.bytesOf(each)
      dropped += countIn(each)
    }
    this.since = index
    this.sinceCount = dropped
    if (this.first * 2 > this.kept.length) {
      this.kept = this.kept.slice(this.first)
      this.first = 0
    }
  }

  private bytesOf({ change }: Telling): number {
    return this.limits.eventOverheadBytes + changeBytes(change)
  }
}
