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
  cursorAfter,
  cursorAfterIndex,
  type LedgerEvent,
  precedes,
} from './events.ts'
import { type LocalLimits, localLimits } from './limits.ts'

export type Resumed =
  /** In order, without a gap from the cursor on. Ask again with `next`; `[]` when there is no more. */
  | { kind: 'events'; events: readonly LedgerEvent[]; next: Cursor }
  /** Too old: read the state, and go on after the index at which it was read. */
  | { kind: 'gap'; readAt: number }
  /** Beyond what this replica has applied: another replica was ahead, or it is another history. */
  | { kind: 'ahead'; index: number }

interface Group {
  readonly events: readonly LedgerEvent[]
  readonly index: number
  readonly bytes: number
}

export class EventRing {
  private readonly limits: LocalLimits
  private groups: (Group | undefined)[] = []
  /** Those before this one have left; the array is cut now and then. */
  private first = 0
  private count = 0
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
  push(index: number, events: readonly LedgerEvent[]): void {
    assert(index === this.index + 1, 'events must come without a gap', { index, after: this.index })
    this.index = index
    if (events.length === 0) return
    let bytes = events.length * this.limits.eventOverheadBytes
    for (const event of events) bytes += changeBytes(event.change)
    this.groups.push({ events, index, bytes })
    this.count += events.length
    this.bytes += bytes
    while (this.count > this.limits.eventsKeptMax || this.bytes > this.limits.eventBytesKeptMax) {
      this.dropOldest()
    }
  }

  resume(from: Cursor, max = this.limits.eventsPerAnswerMax): Resumed {
    if (from.index > this.index + 1) return { kind: 'ahead', index: this.index }
    if (from.index < this.since || (from.index === this.since && from.ordinal < this.sinceCount)) {
      return { kind: 'gap', readAt: this.index }
    }
    const events: LedgerEvent[] = []
    for (let at = this.find(from.index); at < this.groups.length; at++) {
      for (const event of (this.groups[at] as Group).events) {
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

  /** The first group of an entry at `index` or later. */
  private find(index: number): number {
    let low = this.first
    let high = this.groups.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.groups[middle] as Group).index < index) low = middle + 1
      else high = middle
    }
    return low
  }

  private dropOldest(): void {
    const group = this.groups[this.first] as Group
    this.groups[this.first++] = undefined
    this.count -= group.events.length
    this.bytes -= group.bytes
    this.since = group.index
    this.sinceCount = group.events.length
    if (this.first * 2 > this.groups.length) {
      this.groups = this.groups.slice(this.first)
      this.first = 0
    }
  }
}
