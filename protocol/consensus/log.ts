/**
 * The log in memory: every entry since a little before the last snapshot, and how far it is
 * written, committed and handed out.
 *
 * Invariants: base ≤ snapshot.index ≤ commit ≤ last, handedOut ≤ commit, handedOut ≤ persisted ≤ last
 * (but for an installed snapshot on its way to the disk: then nothing is handed out).
 * What was committed is never truncated. `persisted` counts what the disk has confirmed for the
 * entries that are here *now*: truncation takes the confirmation of older writes back, so a late one
 * can never vouch for an entry that was rewritten meanwhile.
 */
import { assert } from '../assert.ts'
import { entryOverheadBytes } from './limits.ts'
import type { Entry, SnapshotMeta } from './messages.ts'

/** A write on its way to the disk, and the last entry that it will have made safe. */
interface Write {
  readonly number: number
  upTo: number
}

/** Where a term begins in the log. */
interface Run {
  readonly term: number
  from: number
}

export interface Position {
  readonly index: number
  readonly term: number
}

/** Whether `a` is further than `b`, as the election restriction sees it (§5.4.1): term, then length. */
export function isFurther(a: Position, b: Position): boolean {
  return a.term !== b.term ? a.term > b.term : a.index > b.index
}

/** To be looked at and not touched. */
export interface LogView {
  readonly snapshot: SnapshotMeta
  readonly firstIndex: number
  readonly lastIndex: number
  readonly commit: number
  readonly persisted: number
  /** Undefined outside of what is kept. */
  termAt(index: number): number | undefined
}

export class Log implements LogView {
  snapshot: SnapshotMeta
  commit: number
  handedOut: number
  /** The last entry that is safe on this disk. */
  persisted: number
  bytes = 0
  /** Bytes of what is not committed yet. */
  backlogBytes = 0
  private entries: Entry[] = []
  /** The entry before the first that is kept. */
  private base: Position
  private runs: Run[]
  private unwrittenFrom: number
  private readonly writes: Write[] = []
  /** A snapshot was installed and is not yet handed to the disk. */
  private unwrittenSnapshot: SnapshotMeta | undefined = undefined
  /** It is to be loaded by whoever applies, before any entry after it. */
  private unappliedSnapshot: SnapshotMeta | undefined = undefined

  constructor(snapshot: SnapshotMeta, entries: readonly Entry[], commit: number) {
    this.snapshot = snapshot
    this.base = { index: snapshot.index, term: snapshot.term }
    this.runs = [{ term: snapshot.term, from: snapshot.index }]
    this.commit = snapshot.index
    this.append(entries)
    this.handedOut = snapshot.index
    this.persisted = this.lastIndex
    this.unwrittenFrom = this.lastIndex + 1
    this.commitTo(Math.min(Math.max(commit, snapshot.index), this.lastIndex))
  }

  get firstIndex(): number {
    return this.base.index + 1
  }

  get lastIndex(): number {
    return this.base.index + this.entries.length
  }

  get lastTerm(): number {
    return this.runs[this.runs.length - 1]?.term ?? this.base.term
  }

  get end(): Position {
    return { index: this.lastIndex, term: this.lastTerm }
  }

  /** Undefined outside of what is kept. */
  termAt(index: number): number | undefined {
    if (index === this.base.index) return this.base.term
    return this.entries[index - this.base.index - 1]?.term
  }

  has(index: number, term: number): boolean {
    return this.termAt(index) === term
  }

  /** The last entry at or before `index` whose term is at most `term`; the base when there is none. */
  lastWithin(index: number, term: number): Position {
    let low = 0
    let high = this.runs.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      const run = this.runs[middle] as Run
      if (run.term <= term && run.from <= index) low = middle
      else high = middle - 1
    }
    const run = this.runs[low] as Run
    if (run.term > term || run.from > index) return this.base
    const next = this.runs[low + 1]
    return { index: Math.min(index, next ? next.from - 1 : this.lastIndex), term: run.term }
  }

  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(entry.term >= this.lastTerm, 'terms never go back in a log', { term: entry.term })
      if (entry.term !== this.lastTerm)
        this.runs.push({ term: entry.term, from: this.lastIndex + 1 })
      this.entries.push(entry)
      const bytes = entryBytes(entry)
      this.bytes += bytes
      this.backlogBytes += bytes
    }
  }

  truncateFrom(index: number): void {
    assert(index > this.commit, 'what is committed is never truncated', {
      index,
      commit: this.commit,
    })
    for (let i = index; i <= this.lastIndex; i++) {
      const bytes = entryBytes(this.entryAt(i))
      this.bytes -= bytes
      this.backlogBytes -= bytes
    }
    this.entries.length = index - this.base.index - 1
    while (this.runs.length > 1 && (this.runs[this.runs.length - 1] as Run).from >= index)
      this.runs.pop()
    this.persisted = Math.min(this.persisted, index - 1)
    this.unwrittenFrom = Math.min(this.unwrittenFrom, index)
    for (const write of this.writes) write.upTo = Math.min(write.upTo, index - 1)
  }

  commitTo(index: number): void {
    assert(index <= this.lastIndex, 'only what is in the log can be committed', { index })
    for (let i = this.commit + 1; i <= index; i++) this.backlogBytes -= entryBytes(this.entryAt(i))
    if (index > this.commit) this.commit = index
  }

  /** Entries from `from` on, as many as the bytes allow, and at least one if there is any. */
  slice(from: number, to: number, bytesMax: number, countMax: number): Entry[] {
    let bytes = 0
    let end = from
    const last = Math.min(to, from + countMax - 1)
    while (end <= last) {
      bytes += entryBytes(this.entryAt(end))
      if (bytes > bytesMax && end > from) break
      end++
    }
    const offset = from - this.base.index - 1
    return this.entries.slice(offset, offset + end - from)
  }

  /** Committed entries that are also safe here, so that nothing applied is ever lost by a crash. */
  takeCommitted(bytesMax: number): { firstIndex: number; entries: Entry[] } | undefined {
    const to = Math.min(this.commit, this.persisted)
    if (this.handedOut >= to) return undefined
    const firstIndex = this.handedOut + 1
    const entries = this.slice(firstIndex, to, bytesMax, Number.MAX_SAFE_INTEGER)
    this.handedOut += entries.length
    return { firstIndex, entries }
  }

  /** The installed snapshot, once, when it is safe here. */
  takeInstalled(): SnapshotMeta | undefined {
    const snapshot = this.unappliedSnapshot
    if (snapshot === undefined || this.persisted < snapshot.index) return undefined
    this.unappliedSnapshot = undefined
    this.handedOut = snapshot.index
    return snapshot
  }

  // ── The disk ──────────────────────────────────────────────────────────────────────────────────

  get hasUnwritten(): boolean {
    return this.unwrittenSnapshot !== undefined || this.unwrittenFrom <= this.lastIndex
  }

  /** What the disk has not been given yet, and remembers that write `number` carries it. */
  takeUnwritten(number: number): {
    snapshot: SnapshotMeta | undefined
    firstIndex: number
    entries: Entry[]
  } {
    const snapshot = this.unwrittenSnapshot
    const firstIndex = this.unwrittenFrom
    const entries = this.entries.slice(firstIndex - this.base.index - 1)
    this.unwrittenSnapshot = undefined
    this.unwrittenFrom = this.lastIndex + 1
    this.writes.push({ number, upTo: this.lastIndex })
    return { snapshot, firstIndex, entries }
  }

  /** Write `number` and all before it are safe. */
  written(number: number): void {
    while (this.writes.length > 0 && (this.writes[0] as Write).number <= number) {
      const { upTo } = this.writes.shift() as Write
      this.persisted = Math.max(this.persisted, upTo)
    }
  }

  // ── Snapshots ─────────────────────────────────────────────────────────────────────────────────

  /** A snapshot was taken here. Drops what it covers, but for a tail for peers a little behind. */
  compact(snapshot: SnapshotMeta, tailBytes: number): void {
    this.snapshot = snapshot
    let kept = 0
    let first = snapshot.index + 1
    while (first > this.firstIndex) {
      kept += entryBytes(this.entryAt(first - 1))
      if (kept > tailBytes) break
      first--
    }
    const base = first - 1
    const term = this.termAt(base)
    assert(term !== undefined, 'the new base must be in the log', { base })
    for (let i = this.firstIndex; i <= base; i++) this.bytes -= entryBytes(this.entryAt(i))
    this.entries.splice(0, base - this.base.index)
    this.base = { index: base, term }
    while (this.runs.length > 1 && (this.runs[1] as Run).from <= base) this.runs.shift()
    ;(this.runs[0] as Run).from = base
  }

  /** A leader's snapshot takes the place of everything. It is safe when its write is. */
  install(snapshot: SnapshotMeta): void {
    assert(snapshot.index > this.commit, 'a snapshot never replaces a newer state')
    this.snapshot = snapshot
    this.base = { index: snapshot.index, term: snapshot.term }
    this.entries = []
    this.runs = [{ term: snapshot.term, from: snapshot.index }]
    this.bytes = 0
    this.backlogBytes = 0
    this.commit = snapshot.index
    this.persisted = 0
    this.unwrittenFrom = snapshot.index + 1
    this.unwrittenSnapshot = snapshot
    this.unappliedSnapshot = snapshot
    for (const write of this.writes) write.upTo = 0
  }

  private entryAt(index: number): Entry {
    const entry = this.entries[index - this.base.index - 1]
    assert(entry !== undefined, 'an entry must be in the log', { index, base: this.base.index })
    return entry
  }
}

export function entryBytes(entry: Entry): number {
  return entry.data.length + entryOverheadBytes
}
