/**
 * A voter's disk in memory: batches in order, each whole or not at all, and gone after a crash if
 * they were not safe yet. A confirmed batch that need not be synced is as gone as any.
 */
import type { Config, Entry, SnapshotMeta } from '../../protocol/consensus/messages.ts'
import {
  blank,
  type HardState,
  type Persist,
  type Restored,
} from '../../protocol/consensus/ready.ts'
import { checksumOf } from './machine.ts'

type Batch = { persist: Persist } | { own: SnapshotMeta; data: Uint8Array }

export class SimDisk {
  storage: number
  hardState: HardState
  snapshot: SnapshotMeta
  snapshotData: Uint8Array = new Uint8Array(0)
  entries: Entry[] = []
  /** Everything that was ever safe here, by index and term: what a promise could rest on. */
  readonly everHeld = new Set<string>()
  everInstalled = 0
  private staged: { meta: SnapshotMeta; parts: Uint8Array[]; length: number } | undefined
  /** Handed over, in order; the first `unsynced` of them are confirmed though not safe. */
  private pending: Batch[] = []

  constructor(storage: number, founders: Config) {
    this.storage = storage
    const { hardState, snapshot } = blank(founders)
    this.hardState = hardState
    this.snapshot = snapshot
  }

  /** As if an earlier life had written this. */
  load(entries: readonly Entry[], term: number): void {
    this.entries = [...entries]
    const index = entries.length
    const promised = { index, term: entries.at(-1)?.term ?? 0 }
    this.hardState = { term, vote: undefined, commit: 0, promised }
    for (let i = 1; i <= index; i++) this.everHeld.add(`${i}:${entries[i - 1]!.term}`)
  }

  write(batch: Batch): void {
    this.pending.push(batch)
  }

  /** Everything up to and with this batch is safe now. */
  sync(batch: Batch): void {
    const upTo = this.pending.indexOf(batch)
    for (const done of this.pending.splice(0, upTo + 1)) this.take(done)
  }

  /** The first `kept` of what was not safe had reached the disk all the same. */
  crash(kept: (pending: number) => number): void {
    for (const done of this.pending.slice(0, kept(this.pending.length))) this.take(done)
    this.pending = []
    this.staged = undefined
  }

  get lastIndex(): number {
    return this.snapshot.index + this.entries.length
  }

  restored(): Restored {
    return {
      hardState: this.hardState,
      snapshot: this.snapshot,
      entries: this.entries.slice(),
    }
  }

  /** Everything from `index` on cannot be read any more. */
  damageFrom(index: number): void {
    this.entries.length = Math.max(0, index - this.snapshot.index - 1)
  }

  held(index: number, term: number): boolean {
    return this.everHeld.has(`${index}:${term}`) || index <= this.everInstalled
  }

  private take(batch: Batch): void {
    if ('own' in batch) {
      const at = batch.own.index - this.snapshot.index
      if (at <= 0 || this.entries[at - 1]?.term !== batch.own.term) return
      this.entries.splice(0, at)
      this.snapshot = batch.own
      this.snapshotData = batch.data
      return
    }
    const { staged, snapshot, firstIndex, entries, hardState } = batch.persist
    for (const { snapshot: meta, offset, data } of staged) {
      if (offset === 0) this.staged = { meta, parts: [], length: 0 }
      if (this.staged === undefined || this.staged.length !== offset) throw new Error('a gap')
      this.staged.parts.push(data)
      this.staged.length += data.length
    }
    if (snapshot !== undefined) {
      const data = Buffer.concat(this.staged?.parts ?? [])
      if (checksumOf(data) !== snapshot.checksum) throw new Error('an untrue snapshot')
      this.snapshot = snapshot
      this.snapshotData = data
      this.entries = []
      this.everInstalled = Math.max(this.everInstalled, snapshot.index)
      this.staged = undefined
    }
    if (firstIndex <= this.lastIndex) this.entries.length = firstIndex - this.snapshot.index - 1
    if (entries.length > 0 && firstIndex !== this.lastIndex + 1) throw new Error('a hole')
    entries.forEach((entry, i) => {
      this.entries.push(entry)
      this.everHeld.add(`${firstIndex + i}:${entry.term}`)
    })
    this.hardState = hardState
  }
}
