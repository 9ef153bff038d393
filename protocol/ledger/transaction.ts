/**
 * The state while entries are applied to it, one after the other: rows are read and written here, the
 * digest and the sizes follow along, and what changed is told. All of it can be taken back to a mark,
 * which is how a batch applies whole or not at all.
 *
 * Entries that come together share what is copied of the map: what the first of them has made its
 * own, the next one changes in place.
 */
import { assert } from '../assert.ts'
import { type DigestSource, RunningSum, sumOf } from './digest.ts'
import { type Change, countIn, type StagesChange, type Telling } from './events.ts'
import type { StateLimits } from './limits.ts'
import type { Octets } from './octets.ts'
import type { MapEdit } from './ordered-map.ts'
import { endOf } from './rows.ts'
import type { AuditMark, LedgerState } from './state.ts'

export interface Mark {
  readonly state: LedgerState
  readonly events: number
}

const nothing: readonly Telling[] = []

export class Transaction implements DigestSource {
  index: number
  /** Of the leader that proposed the entry. */
  term: number
  timeMs: number
  readonly limits: StateLimits
  version: number
  auditHead: AuditMark
  auditAnchor: AuditMark
  estopFloor: number
  readonly rows: MapEdit<Octets>
  sum: RunningSum
  private bytes: number
  private told: Telling[] = []

  constructor(state: LedgerState, limits: StateLimits) {
    this.index = state.index
    this.term = state.term
    this.timeMs = state.timeMs
    this.limits = limits
    this.version = state.version
    this.auditHead = state.auditHead
    this.auditAnchor = state.auditAnchor
    this.estopFloor = state.estopFloor
    this.rows = state.rows.edit()
    this.sum = new RunningSum(state.sum)
    this.bytes = state.bytes
  }

  /** The next entry. Throws only for one that does not follow: a driver's bug. */
  begin(index: number, term: number): void {
    assert(index === this.index + 1, 'entries must come in order', { index, after: this.index })
    assert(term >= this.term, 'terms must not go back', { term, after: this.term })
    this.index = index
    this.term = term
    if (this.told.length > 0) this.told = []
  }

  /** `timeMs` is what the leader wrote; time in the state never goes back. */
  passTo(timeMs: number): void {
    if (timeMs > this.timeMs) this.timeMs = timeMs
  }

  get(key: string): Octets | undefined {
    return this.rows.get(key)
  }

  put(key: string, row: Octets): void {
    const before = this.rows.set(key, row)
    if (before === row) return
    if (before === undefined) this.bytes += key.length + this.limits.rowOverheadBytes
    else {
      this.sum.subtract(key, before)
      this.bytes -= before.length
    }
    this.sum.add(key, row)
    this.bytes += row.length
  }

  /** False when there was nothing. */
  delete(key: string): boolean {
    const before = this.rows.delete(key)
    if (before === undefined) return false
    this.sum.subtract(key, before)
    this.bytes -= key.length + before.length + this.limits.rowOverheadBytes
    return true
  }

  /** True when a row may be put without regard to what it replaces. */
  hasRoom(key: string, row: Octets): boolean {
    const more = key.length + row.length + this.limits.rowOverheadBytes
    return this.bytes + more <= this.limits.stateBytesMax
  }

  count(prefix: string): number {
    return this.rows.rank(endOf(prefix)) - this.rows.rank(prefix)
  }

  /** At most `max` rows with `from` ≤ key < `to`, as they are now. */
  range(from: string, to: string, max: number): (readonly [key: string, row: Octets])[] {
    const found: (readonly [string, Octets])[] = []
    if (max <= 0) return found
    for (const entry of this.rows.entries(from, to)) {
      found.push(entry)
      if (found.length >= max) break
    }
    return found
  }

  /** Whether it holds of any row with `from` ≤ key < `to`. */
  some(from: string, to: string, holds: (row: Octets) => boolean): boolean {
    for (const [, row] of this.rows.entries(from, to)) if (holds(row)) return true
    return false
  }

  tell(change: Change | StagesChange): void {
    const { index, timeMs } = this
    const last = this.told.at(-1)
    const ordinal = last === undefined ? 0 : last.ordinal + countIn(last)
    const telling = { index, ordinal, timeMs, change }
    // Most entries tell of one thing. An array that is made for one takes a fraction of the memory
    // of one that an element is put into.
    if (last === undefined) this.told = [telling]
    else this.told.push(telling)
  }

  /** Of the entry that was begun last. */
  get tellings(): readonly Telling[] {
    return this.told.length === 0 ? nothing : this.told
  }

  finish(): LedgerState {
    const { index, term, timeMs, version, auditHead, auditAnchor, estopFloor, bytes } = this
    const rows = this.rows.finish()
    const sum = sumOf(this.sum)
    return { index, term, timeMs, version, auditHead, auditAnchor, estopFloor, rows, sum, bytes }
  }

  mark(): Mark {
    return { state: this.finish(), events: this.told.length }
  }

  /** Undoes everything since the mark. */
  restore({ state, events }: Mark): void {
    this.version = state.version
    this.auditHead = state.auditHead
    this.auditAnchor = state.auditAnchor
    this.estopFloor = state.estopFloor
    this.rows.restore(state.rows)
    this.sum = new RunningSum(state.sum)
    this.bytes = state.bytes
    this.told.length = events
  }
}
