/**
 * Ends of logs that other hosts have sent here, kept for the case that they die. Each host has its
 * own: nobody writes into what another has sent. Of each attempt the newest is kept, in pieces as
 * they came; the ones that nothing was added to for longest go when there are too many, when they
 * take too much, or when they are too old. Nothing is synced, as with logs.
 */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../../protocol/ports/clock.ts'
import { type Disk, type DiskOp, within } from '../../../protocol/ports/disk.ts'
import type { Log } from '../../../protocol/ports/log.ts'
import { decode, encode } from '../../../protocol/wire/codec.ts'
import { type AttemptId, compareFences, sameFence } from '../../../protocol/work/fence.ts'
import { BadQuestion, type Service } from '../../requests/calls.ts'
import { copyLimits } from '../limits.ts'
import { copyPrefix } from '../records.ts'
import {
  CopyAnswer,
  CopyFrame,
  type CopyPiece,
  CopyRecord,
  type CopyUnwanted,
} from './copy-wire.ts'
import {
  bytesOf,
  cut,
  freshOf,
  type Kept,
  keyOf,
  meet,
  numberIn,
  pieceKey,
  piecesOf,
  recordOf,
} from './kept-copy.ts'

/** What is known of the end of a log. */
export interface LogCopy {
  /** The place in the log of its first byte. */
  at: number
  bytes: Uint8Array
  /** When its host has sent the last of it, by its own calendar. */
  sentAtMs: number
}

interface Owned {
  count: number
  bytes: number
}

export class LogCopies {
  readonly #clock: Clock
  readonly #disk: Disk
  readonly #log: Log
  #ageMs: number
  /** By host and attempt; what something was added to last comes last. */
  readonly #kept = new Map<string, Kept>()
  readonly #owned = new Map<PeerId, Owned>()
  #bytes = 0
  #nextNumber = 1
  #isOpen = false
  #timer: Timer | undefined
  /** What is written and read goes one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(ports: { clock: Clock; disk: Disk; log: Log }, ageMs: number) {
    this.#clock = ports.clock
    this.#disk = ports.disk
    this.#log = ports.log.child('log-copies')
    this.#ageMs = ageMs
  }

  /** What is older goes at the next sweep. */
  keepFor(ageMs: number): void {
    this.#ageMs = ageMs
  }

  /** All that is kept, for hosts that died and for those that live. */
  get bytes(): number {
    return this.#bytes
  }

  get count(): number {
    return this.#kept.size
  }

  async start(): Promise<void> {
    const found = new Map<number, Kept>()
    const strange: DiskOp[] = []
    for await (const [key, value] of this.#disk.scan(within(copyPrefix))) {
      const read = decode(CopyRecord, value)
      if (read.ok) meet(found, numberIn(key), read.value)
      else strange.push({ del: key })
    }
    for (const kept of [...found.values()].sort((a, b) => a.takenAtMs - b.takenAtMs)) {
      this.#nextNumber = Math.max(this.#nextNumber, kept.number + 1)
      this.#keep(kept)
    }
    await this.#write([...strange, ...this.#trimmed()])
    this.#isOpen = true
    this.#timer = this.#clock.every(copyLimits.sweepEveryMs, () => {
      void this.#inTurn(() => this.#write(this.#trimmed()))
    })
  }

  async stop(): Promise<void> {
    this.#isOpen = false
    this.#timer?.cancel()
    await this.#turn
    this.#kept.clear()
    this.#owned.clear()
    this.#bytes = 0
  }

  /** What other hosts ask. */
  readonly service: Service = async (from, body) => {
    const read = decode(CopyFrame, body)
    if (!read.ok) throw new BadQuestion(`no piece of a log: ${read.why}`)
    const isTaken = this.#isOpen && (await this.#inTurn(() => this.#take(from, read.value)))
    return encode(CopyAnswer, { taken: isTaken })
  }

  /** The end of that attempt's log, as that host has sent it here. */
  read(owner: PeerId, id: AttemptId): Promise<LogCopy | undefined> {
    return this.#inTurn(async () => {
      const kept = this.#kept.get(keyOf(owner, id))
      const first = kept?.pieces[0]
      if (kept === undefined || first === undefined) return undefined
      const whole = await this.#whole(kept)
      const bytes = whole.subarray(Math.max(0, whole.length - copyLimits.copyBytesMax))
      return { at: first.at + whole.length - bytes.length, bytes, sentAtMs: kept.sentAtMs }
    })
  }

  async #take(owner: PeerId, { sentAtMs, pieces, unwanted }: CopyFrame): Promise<boolean> {
    const ops = unwanted.flatMap((one) => this.#unwanted(owner, one))
    const many: Kept[] = []
    for (const piece of pieces) {
      const kept = this.#add(owner, piece, sentAtMs, ops)
      if (kept !== undefined && kept.pieces.length > copyLimits.copyPiecesMax) many.push(kept)
    }
    ops.push(...this.#trimmed(owner))
    const isWritten = await this.#write(ops)
    for (const kept of many) {
      const isKept = this.#kept.get(keyOf(owner, kept.id)) === kept
      if (isKept) await this.#join(kept)
    }
    return isWritten
  }

  #unwanted(owner: PeerId, { id, fence }: CopyUnwanted): DiskOp[] {
    const kept = this.#kept.get(keyOf(owner, id))
    return kept !== undefined && sameFence(kept.fence, fence) ? this.#drop(kept) : []
  }

  /** The copy that it was added to; undefined when it says nothing new. */
  #add(owner: PeerId, piece: CopyPiece, sentAtMs: number, ops: DiskOp[]): Kept | undefined {
    const { id, fence } = piece
    const known = this.#kept.get(keyOf(owner, id))
    if (known !== undefined && compareFences(known.fence, fence) > 0) return undefined
    const fresh = freshOf(piece, known)
    if (fresh === undefined) return undefined
    if (known !== undefined && !fresh.isNext) ops.push(...this.#drop(known))
    const kept: Kept =
      known !== undefined && fresh.isNext
        ? known
        : { number: this.#nextNumber++, owner, id, fence, pieces: [], sentAtMs, takenAtMs: 0 }
    if (kept === known) this.#release(kept)
    const { at, bytes } = fresh
    kept.pieces.push({ at, length: bytes.length })
    kept.sentAtMs = sentAtMs
    kept.takenAtMs = this.#clock.wall()
    ops.push({ put: pieceKey(kept, at), value: encode(CopyRecord, recordOf(kept, at, bytes)) })
    ops.push(...cut(kept))
    this.#keep(kept)
    return kept
  }

  /** Many small pieces become one. */
  async #join(kept: Kept): Promise<void> {
    const bytes = await this.#whole(kept)
    const [first, ...others] = kept.pieces
    if (first === undefined) return
    this.#release(kept)
    kept.pieces = [{ at: first.at, length: bytes.length }]
    this.#keep(kept)
    await this.#write([
      { put: pieceKey(kept, first.at), value: encode(CopyRecord, recordOf(kept, first.at, bytes)) },
      ...others.map(({ at }) => ({ del: pieceKey(kept, at) })),
    ])
  }

  async #whole(kept: Kept): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for await (const [, value] of this.#disk.scan(within(piecesOf(kept)))) {
      const read = decode(CopyRecord, value)
      if (read.ok) parts.push(read.value.bytes)
    }
    return Buffer.concat(parts)
  }

  // ── Bounds ────────────────────────────────────────────────────────────────────────────────────

  /** What goes, of all or of that host's. */
  #trimmed(owner?: PeerId): DiskOp[] {
    const ops: DiskOp[] = []
    const isTooMuch = (of: PeerId): boolean => {
      const { count, bytes } = this.#owned.get(of) ?? { count: 0, bytes: 0 }
      return count > copyLimits.copiesOfHostMax || bytes > copyLimits.copiesOfHostBytesMax
    }
    if (owner !== undefined && isTooMuch(owner)) {
      for (const kept of [...this.#kept.values()]) {
        if (!isTooMuch(owner)) break
        if (kept.owner === owner) ops.push(...this.#drop(kept))
      }
    }
    const oldestMs = this.#clock.wall() - this.#ageMs
    for (const kept of [...this.#kept.values()]) {
      const isFull =
        this.#kept.size > copyLimits.copiesMax || this.#bytes > copyLimits.copiesBytesMax
      if (!isFull && kept.takenAtMs >= oldestMs) break
      ops.push(...this.#drop(kept))
    }
    return ops
  }

  #keep(kept: Kept): void {
    this.#kept.set(keyOf(kept.owner, kept.id), kept)
    this.#count(kept, 1)
  }

  #release(kept: Kept): void {
    this.#kept.delete(keyOf(kept.owner, kept.id))
    this.#count(kept, -1)
  }

  #count(kept: Kept, sign: 1 | -1): void {
    const bytes = sign * bytesOf(kept)
    const owned = this.#owned.get(kept.owner) ?? { count: 0, bytes: 0 }
    owned.count += sign
    owned.bytes += bytes
    this.#bytes += bytes
    if (owned.count === 0) this.#owned.delete(kept.owner)
    else this.#owned.set(kept.owner, owned)
  }

  #drop(kept: Kept): DiskOp[] {
    this.#release(kept)
    return kept.pieces.map(({ at }) => ({ del: pieceKey(kept, at) }))
  }

  /** Whether it is written. What is not is missing when it is read, and nothing worse. */
  async #write(ops: readonly DiskOp[]): Promise<boolean> {
    if (ops.length === 0) return true
    try {
      await this.#disk.write(ops, { durable: false })
      return true
    } catch (error) {
      this.#log.warn('copies of logs not written', { why: String(error) })
      return false
    }
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(act)
    this.#turn = done.catch(() => {})
    return done
  }
}
