/**
 * Runs that have ended, on this host's disk: written once, read by id, listed by their start, and
 * removed in the order of their ends when there are too many. One caller writes; any may read.
 *
 * What all runs take, and how many are of each workflow, is counted when it is opened: nothing of it
 * can be wrong after a crash, and removing needs no room. What `write` has written may be lost by a
 * crash until `sync` returns.
 */
import type { RunFilter } from '../../protocol/ledger/queries.ts'
import type { RunItem, RunSpec, RunView } from '../../protocol/ledger/work-view.ts'
import type { Disk, DiskOp } from '../../protocol/ports/disk.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { Schema } from '../../protocol/wire/schema.ts'
import { gathered, runFrom, textFrom } from './gathering.ts'
import { type HistorySettings, keeperLimits } from './limits.ts'
import {
  AboutRow,
  aboutOf,
  aboutRange,
  endOfKey,
  itemOf,
  PlaceRow,
  placeOf,
  placeOfAboutKey,
  rowKeys,
  rowRanges,
  runOfBegunKey,
  runOfIdKey,
  TextRow,
} from './rows.ts'

/** A run that is to be kept. */
export interface Kept {
  readonly item: RunItem
  readonly endedMs: number
  readonly spec: RunSpec
  /** Those that are not written yet; of all, the last ones. */
  readonly pieces: readonly Uint8Array[]
  readonly piecesBefore: number
  readonly bytes: number
  /** The workflow's text in pieces, where it is known. Asked for when it is not here yet. */
  text(): readonly Uint8Array[] | undefined
}

interface Totals {
  readonly runs: number
  readonly bytes: number
}

const utf8 = new TextEncoder()
const text = new TextDecoder()
const nothing = new Uint8Array(0)
const later = { durable: false }

export class RunStore {
  readonly #disk: Disk
  #settings: HistorySettings
  #totals: Totals = { runs: 0, bytes: 0 }
  /** Runs of each workflow. */
  #references = new Map<string, number>()
  /** Runs that ended no later were removed to make room, and are not taken in again. */
  #floorMs = 0
  /** No run that is kept ended before. */
  #oldestMs = 0
  /** No run that was here when it was opened ended after. */
  #foundUpToMs = -1

  constructor(disk: Disk, settings: HistorySettings) {
    this.#disk = disk
    this.#settings = settings
  }

  retune(settings: HistorySettings): void {
    this.#settings = settings
  }

  /** Removes what a crash has left half-written, and counts the rest. */
  async open(): Promise<void> {
    this.#floorMs = 0
    this.#oldestMs = 0
    for await (const [key] of this.#disk.scan(rowRanges.begun)) {
      const run = runOfBegunKey(key)
      const ops: DiskOp[] = [{ del: key }]
      for await (const [piece] of this.#disk.scan(rowRanges.pieces(run))) ops.push({ del: piece })
      await this.#disk.write(ops, later)
    }
    const totals = { runs: 0, bytes: 0 }
    const references = new Map<string, number>()
    this.#foundUpToMs = -1
    for await (const [, value] of this.#disk.scan(rowRanges.ids(''))) {
      const row = decode(PlaceRow, value)
      if (!row.ok) continue
      const { bytes, workflow, endedMs } = row.value
      this.#foundUpToMs = Math.max(this.#foundUpToMs, endedMs)
      totals.runs++
      totals.bytes += bytes
      references.set(workflow, (references.get(workflow) ?? 0) + 1)
    }
    for await (const [, value] of this.#disk.scan(rowRanges.texts)) {
      const row = decode(TextRow, value)
      if (row.ok) totals.bytes += row.value.bytes
    }
    this.#totals = totals
    this.#references = references
  }

  get runs(): number {
    return this.#totals.runs
  }

  get bytes(): number {
    return this.#totals.bytes
  }

  // ── Writing ───────────────────────────────────────────────────────────────────────────────────

  /** The first pieces of a run that is too large for one batch. */
  begin(run: string, from: number, pieces: readonly Uint8Array[]): Promise<void> {
    const ops: DiskOp[] = pieces.map((value, i) => ({ put: rowKeys.piece(run, from + i), value }))
    ops.push({ put: rowKeys.begun(run), value: nothing })
    return this.#disk.write(ops, later)
  }

  /** None of them may be here already. */
  async write(kept: readonly Kept[]): Promise<void> {
    const ops: DiskOp[] = []
    const references = new Map<string, number>()
    let { runs, bytes } = this.#totals
    for (const { item, endedMs, spec, pieces, piecesBefore, bytes: recordBytes, text } of kept) {
      const { run, startedMs } = item
      const { workflow, key } = spec
      const about = encode(AboutRow, aboutOf(item))
      const taken = recordBytes + about.length
      const place: PlaceRow = {
        startedMs,
        endedMs,
        pieces: piecesBefore + pieces.length,
        bytes: taken,
        workflow,
        ...(key === undefined ? {} : { key }),
      }
      pieces.forEach((value, i) => {
        ops.push({ put: rowKeys.piece(run, piecesBefore + i), value })
      })
      ops.push({ put: rowKeys.about(placeOf(item)), value: about })
      ops.push({ put: rowKeys.place(run), value: encode(PlaceRow, place) })
      ops.push({ put: rowKeys.end(endedMs, run), value: nothing })
      if (key !== undefined) ops.push({ put: rowKeys.key(key), value: utf8.encode(run) })
      if (piecesBefore > 0) ops.push({ del: rowKeys.begun(run) })
      runs++
      bytes += taken
      const others = references.get(workflow) ?? this.#references.get(workflow) ?? 0
      references.set(workflow, others + 1)
      this.#oldestMs = Math.min(this.#oldestMs, endedMs)
      if (others === 0) bytes += putText(ops, workflow, text())
    }
    await this.#disk.write(ops, later)
    this.#count({ runs, bytes }, references)
  }

  sync(): Promise<void> {
    return this.#disk.sync()
  }

  /** Whether a run that ended then would be removed at once, by its age or for want of room. */
  isPast(endedMs: number, nowMs: number): boolean {
    return endedMs <= this.#floorMs || endedMs < nowMs - this.#settings.ageMs
  }

  /** Whether retention may ask for something. */
  isOverfull(nowMs: number): boolean {
    const { ageMs, runsMax, bytesMax } = this.#settings
    const { runs, bytes } = this.#totals
    return runs > runsMax || bytes > bytesMax || this.#oldestMs < nowMs - ageMs
  }

  /** One step of what retention asks for. True when there is more to remove. */
  async retain(nowMs: number): Promise<boolean> {
    if (!this.isOverfull(nowMs)) return false
    const { ageMs, runsMax, bytesMax } = this.#settings
    const limit = keeperLimits.victimsPerStep
    const left = { ...this.#totals }
    const oldMs = nowMs - ageMs
    let oldestMs = Number.POSITIVE_INFINITY
    const victims: { run: string; place: PlaceRow }[] = []
    let floorMs = this.#floorMs
    for await (const [key] of this.#disk.scan({ ...rowRanges.ends, limit })) {
      const { endedMs, run } = endOfKey(key)
      const isOver = left.runs > runsMax || left.bytes > bytesMax
      if (!isOver && endedMs >= oldMs) {
        oldestMs = endedMs
        break
      }
      if (isOver) floorMs = Math.max(floorMs, endedMs)
      const place = await this.place(run)
      if (place === undefined) continue
      victims.push({ run, place })
      left.runs--
      left.bytes -= place.bytes
    }
    const isDone = victims.length < limit
    if (victims.length > 0) await this.#remove(victims)
    this.#floorMs = floorMs
    if (isDone) this.#oldestMs = oldestMs
    return !isDone
  }

  async #remove(victims: readonly { run: string; place: PlaceRow }[]): Promise<void> {
    const ops: DiskOp[] = []
    const references = new Map<string, number>()
    let { runs, bytes } = this.#totals
    for (const { run, place } of victims) {
      const { startedMs, endedMs, pieces, workflow, key } = place
      for (let i = 0; i < pieces; i++) ops.push({ del: rowKeys.piece(run, i) })
      ops.push({ del: rowKeys.about(placeOf({ startedMs, run })) })
      ops.push({ del: rowKeys.place(run) }, { del: rowKeys.end(endedMs, run) })
      if (key !== undefined && (await this.runOfKey(key)) === run) {
        ops.push({ del: rowKeys.key(key) })
      }
      runs--
      bytes -= place.bytes
      const others = references.get(workflow) ?? this.#references.get(workflow) ?? 0
      references.set(workflow, others - 1)
    }
    for (const [hash, count] of references) {
      const row = count > 0 ? undefined : await this.textRow(hash)
      if (row === undefined) continue
      for (let i = 0; i < row.pieces; i++) ops.push({ del: rowKeys.textPiece(hash, i) })
      ops.push({ del: rowKeys.text(hash) })
      bytes -= row.bytes
    }
    await this.#disk.write(ops, later)
    this.#count({ runs, bytes }, references)
  }

  #count(totals: Totals, references: ReadonlyMap<string, number>): void {
    this.#totals = totals
    for (const [hash, count] of references) {
      if (count > 0) this.#references.set(hash, count)
      else this.#references.delete(hash)
    }
  }

  /** Whether a run that ended then may be here from before. */
  mayHaveFound(endedMs: number): boolean {
    return endedMs <= this.#foundUpToMs
  }

  // ── Reading ───────────────────────────────────────────────────────────────────────────────────

  place(run: string): Promise<PlaceRow | undefined> {
    return this.#row(PlaceRow, rowKeys.place(run))
  }

  async runOfKey(key: string): Promise<string | undefined> {
    const value = await this.#disk.get(rowKeys.key(key))
    return value && text.decode(value)
  }

  /** Ids that begin so, in their order. */
  async ids(prefix: string, limit: number): Promise<string[]> {
    const ids: string[] = []
    for await (const [key] of this.#disk.scan({ ...rowRanges.ids(prefix), limit })) {
      ids.push(runOfIdKey(key))
    }
    return ids
  }

  piece(run: string, piece: number): Promise<Uint8Array | undefined> {
    return this.#disk.get(rowKeys.piece(run, piece))
  }

  textRow(hash: string): Promise<TextRow | undefined> {
    return this.#row(TextRow, rowKeys.text(hash))
  }

  textPiece(hash: string, piece: number): Promise<Uint8Array | undefined> {
    return this.#disk.get(rowKeys.textPiece(hash, piece))
  }

  async run(run: string): Promise<RunView | undefined> {
    const place = await this.place(run)
    if (place === undefined) return undefined
    return runFrom(await gathered(place.pieces, (i) => this.piece(run, i)))
  }

  /** The text of a workflow that a kept run is of. */
  async workflow(hash: string): Promise<string | undefined> {
    const row = await this.textRow(hash)
    return row && textFrom(await gathered(row.pieces, (i) => this.textPiece(hash, i)))
  }

  /** Rows of the list from a place on, the latest start first. */
  async *list(
    after: string | undefined,
    filter: RunFilter,
    limit: number,
  ): AsyncGenerator<{ place: string; item: RunItem | undefined }> {
    const range = { ...aboutRange(after, filter), limit }
    if (range.from >= range.to) return
    for await (const [key, value] of this.#disk.scan(range)) {
      const row = decode(AboutRow, value)
      yield { place: placeOfAboutKey(key), item: row.ok ? itemOf(row.value) : undefined }
    }
  }

  async #row<T>(schema: Schema<T>, key: string): Promise<T | undefined> {
    const value = await this.#disk.get(key)
    if (value === undefined) return undefined
    const row = decode(schema, value)
    return row.ok ? row.value : undefined
  }
}

/** Bytes that it takes. */
function putText(ops: DiskOp[], hash: string, pieces: readonly Uint8Array[] | undefined): number {
  if (pieces === undefined) return 0
  pieces.forEach((value, i) => {
    ops.push({ put: rowKeys.textPiece(hash, i), value })
  })
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
  ops.push({ put: rowKeys.text(hash), value: encode(TextRow, { pieces: pieces.length, bytes }) })
  return bytes
}
