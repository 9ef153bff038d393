/**
 * The disk of a voter: log, hard state and snapshot in one ordered store, each write one atomic
 * batch. The log is kept as blocks in the order of writing; a later block voids what earlier ones
 * hold from its first index on, so that nothing is ever read to be rewritten.
 *
 * What is not whole is never handed out. A log ends before its first damaged block; what followed
 * is asked for again from the others, and until then the hard state's promise says that this disk
 * has lost something.
 */
import { createHash } from 'node:crypto'
import { wireLimits } from '../../protocol/consensus/limits.ts'
import { entryBytes } from '../../protocol/consensus/log.ts'
import type { Config, Entry } from '../../protocol/consensus/messages.ts'
import { SnapshotMeta } from '../../protocol/consensus/messages.ts'
import {
  blank,
  type HardState,
  type Persist,
  type Restored,
} from '../../protocol/consensus/ready.ts'
import type { Disk, DiskOp } from '../../protocol/ports/disk.ts'
import { within } from '../../protocol/ports/disk.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { Blocks } from './blocks.ts'
import {
  type BlockName,
  blockKey,
  chunkKey,
  chunkPrefix,
  chunksPrefix,
  divergedKey,
  hardStateKey,
  identityKey,
  offsetOf,
  recordsPrefix,
  snapshotKey,
} from './keys.ts'
import { blockBytesMax, chunkBytes, deletesPerBatch } from './limits.ts'
import { type Damage, type Held, type LogRecords, look, restoredFrom } from './look.ts'
import { Block, HardRecord, Identity, seal, sealMessage, unseal } from './records.ts'

export interface Opened {
  store: ConsensusStore
  storage: number
  /** Undefined on a disk that was never used, or whose hard state cannot be read. */
  restored: Restored | undefined
  damage: readonly Damage[]
}

export type SnapshotPosition = Pick<SnapshotMeta, 'index' | 'term' | 'config'>

export class SnapshotDamaged extends Error {
  constructor(offset: number) {
    super(`the snapshot is not whole at byte ${offset}`)
    this.name = 'SnapshotDamaged'
  }
}

export class ConsensusStore {
  private readonly disk: Disk
  private snapshot: SnapshotMeta | undefined
  private readonly blocks: Blocks
  private nextBlock: number
  /** Every record of the log beyond its end, to be removed with the next write. */
  private stale: string[]
  /** The records of snapshots, whole or not, by what they begin with. */
  private readonly chunks = new Map<string, Set<string>>()

  private constructor(disk: Disk, snapshot: SnapshotMeta | undefined, log: LogRecords) {
    this.disk = disk
    this.snapshot = snapshot
    this.blocks = log.blocks
    this.stale = [...log.stale]
    this.nextBlock = log.nextBlock
  }

  static async open(disk: Disk, entropy: Entropy): Promise<Opened> {
    const held = await look(disk)
    const restored = restoredFrom(held)
    if (!restored || held.storage === undefined) {
      const store = new ConsensusStore(disk, undefined, emptyLog())
      const damage: Damage[] = held.hasPromised ? ['hardState'] : []
      // A disk that was begun and never written to has promised nothing. One whose votes cannot be
      // read must not go on under the number by which they are known.
      const fresh = held.hasPromised ? undefined : held.storage
      return { store, storage: fresh ?? (await begin(disk, entropy)), restored: undefined, damage }
    }
    const store = ConsensusStore.over(disk, held)
    await store.sortChunks()
    return { store, storage: held.storage, restored, damage: held.damage }
  }

  /** The store over what has been looked at. Nobody may have written since. */
  static over(disk: Disk, held: Held): ConsensusStore {
    return new ConsensusStore(disk, held.snapshot, held.log)
  }

  /** Makes this disk a founder's: it begins with a configuration that nobody had to send it. */
  async found(founders: Config): Promise<Restored> {
    const restored = blank(founders)
    this.snapshot = restored.snapshot
    const hard = hardRecordOf(restored.hardState)
    const ops = [
      snapshotOp(restored.snapshot),
      { put: hardStateKey, value: sealMessage(hardStateKey, HardRecord, hard) },
    ]
    await this.disk.write(ops, { durable: true })
    return restored
  }

  /** One atomic batch. Writes must be begun in the order of their numbers. */
  async persist(write: Persist): Promise<void> {
    const ops = this.opsOf(write)
    await this.disk.write(ops, { durable: write.sync })
    if (write.snapshot) await this.removeOlder()
  }

  /** The same, under another number: what was promised under the last one is nobody's any more. */
  persistAs(storage: number, write: Persist): Promise<void> {
    const ops: DiskOp[] = [{ del: divergedKey }, identityOp(storage), ...this.opsOf(write)]
    return this.disk.write(ops, { durable: true })
  }

  private opsOf(write: Persist): DiskOp[] {
    const ops: DiskOp[] = this.stale.map((key) => ({ del: key }))
    this.stale = []
    for (const { snapshot, offset, data } of write.staged) {
      const key = chunkKey(snapshot, offset)
      this.chunksOf(chunksPrefix(snapshot)).add(key)
      ops.push({ put: key, value: seal(key, data) })
    }
    if (write.snapshot) {
      ops.push(snapshotOp(write.snapshot))
      ops.push(...this.blocks.clear().map(deleted))
      this.snapshot = write.snapshot
    }
    // A damaged one goes only with what takes its place: it voids what earlier ones hold.
    if (write.entries.length > 0) ops.push(...this.blocks.voidFrom(write.firstIndex).map(deleted))
    for (const block of blocksOf(write.firstIndex, write.entries)) this.addBlock(block, ops)
    ops.push({
      put: hardStateKey,
      value: sealMessage(hardStateKey, HardRecord, hardRecordOf(write.hardState)),
    })
    return ops
  }

  /**
   * Keeps a snapshot of this node's own state, a piece at a time, so that other writes pass in
   * between. The log that it covers goes with the batch that makes it the snapshot.
   */
  async saveSnapshot(
    position: SnapshotPosition,
    parts: Iterable<Uint8Array>,
  ): Promise<SnapshotMeta> {
    const hash = createHash('sha256')
    const written = new Set<string>()
    let bytes = 0
    for (const part of rechunked(parts)) {
      const key = chunkKey(position, bytes)
      written.add(key)
      this.chunksOf(chunksPrefix(position)).add(key)
      await this.disk.write([{ put: key, value: seal(key, part) }], { durable: false })
      hash.update(part)
      bytes += part.length
    }
    const snapshot = { ...position, bytes, checksum: hash.digest('hex') }
    const strays = this.chunksBeside(position, written)
    // A leader's newer one may have come in meanwhile.
    if (this.snapshot && this.snapshot.index >= snapshot.index) {
      await this.removeOlder()
      return this.snapshot
    }
    this.snapshot = snapshot
    const ops = this.blocks.coverTo(snapshot.index).map(deleted)
    await this.disk.write([snapshotOp(snapshot), ...strays, ...ops], { durable: true })
    await this.removeOlder()
    return snapshot
  }

  /**
   * Pieces of a leader's snapshot of the same place, which came while this node was behind and ceased
   * to come when it no longer was: they are cut at other offsets.
   */
  private chunksBeside(position: SnapshotPosition, written: ReadonlySet<string>): DiskOp[] {
    const chunks = this.chunksOf(chunksPrefix(position))
    const strays = [...chunks].filter((key) => !written.has(key))
    for (const key of strays) chunks.delete(key)
    return strays.map((key) => ({ del: key }))
  }

  /** Undefined when that snapshot has been replaced meanwhile, or is not whole. */
  async readChunk(
    snapshot: SnapshotMeta,
    offset: number,
    length: number,
  ): Promise<Uint8Array | undefined> {
    const to = `${chunkKey(snapshot, offset)}\u{10FFFF}`
    const range = { from: chunksPrefix(snapshot), to, reverse: true, limit: 1 }
    for await (const [key, record] of this.disk.scan(range)) {
      const start = offset - offsetOf(key)
      return unseal(key, record)?.subarray(start, start + length)
    }
    return undefined
  }

  /** The bytes of the current snapshot, in order. Throws `SnapshotDamaged`. */
  async *readSnapshot(): AsyncIterable<Uint8Array> {
    const { snapshot } = this
    if (!snapshot) return
    let offset = 0
    for await (const [key, record] of this.disk.scan(within(chunksPrefix(snapshot)))) {
      const part = offsetOf(key) === offset ? unseal(key, record) : undefined
      if (!part) throw new SnapshotDamaged(offset)
      yield part
      offset += part.length
    }
    if (offset !== snapshot.bytes) throw new SnapshotDamaged(offset)
  }

  private addBlock(block: Block, ops: DiskOp[]): void {
    const { firstIndex, entries } = block
    const lastIndex = firstIndex + entries.length - 1
    const name = { number: this.nextBlock++, firstIndex, lastIndex }
    const key = blockKey(name)
    ops.push({ put: key, value: sealMessage(key, Block, block) })
    this.blocks.add(name)
  }

  /**
   * The pieces of what this snapshot has taken the place of, and of what was on its way and has been
   * overtaken. Their names are in the order of their places.
   */
  private async removeOlder(): Promise<void> {
    const current = this.snapshot ? chunksPrefix(this.snapshot) : ''
    const gone: string[] = []
    for (const [prefix, keys] of this.chunks) {
      if (prefix >= current) continue
      gone.push(...keys)
      this.chunks.delete(prefix)
    }
    await this.remove(gone)
  }

  /** Notes the pieces of the snapshot, and removes those of snapshots that never became whole. */
  private async sortChunks(): Promise<void> {
    const current = this.snapshot && chunksPrefix(this.snapshot)
    const orphans: string[] = []
    for await (const [key] of this.disk.scan(within(chunkPrefix))) {
      if (current && key.startsWith(current)) this.chunksOf(current).add(key)
      else orphans.push(key)
    }
    await this.remove(orphans)
  }

  private chunksOf(prefix: string): Set<string> {
    const known = this.chunks.get(prefix)
    if (known !== undefined) return known
    const none = new Set<string>()
    this.chunks.set(prefix, none)
    return none
  }

  private async remove(keys: readonly string[]): Promise<void> {
    for (let from = 0; from < keys.length; from += deletesPerBatch) {
      const ops = keys.slice(from, from + deletesPerBatch).map((key) => ({ del: key }))
      await this.disk.write(ops, { durable: false })
    }
  }
}

const emptyLog = (): LogRecords => ({ blocks: new Blocks(), stale: [], nextBlock: 1 })

const deleted = (block: BlockName): DiskOp => ({ del: blockKey(block) })

/** Forgets whatever is there, and is another disk. */
async function begin(disk: Disk, entropy: Entropy): Promise<number> {
  const storage = drawStorage(entropy)
  const ops: DiskOp[] = []
  for await (const [key] of disk.scan(within(recordsPrefix))) ops.push({ del: key })
  await disk.write([...ops, identityOp(storage)], { durable: true })
  return storage
}

/** The number of a disk: 52 bits of chance, never 0. */
export function drawStorage(entropy: Entropy): number {
  return 1 + entropy.uint32() * 2 ** 20 + (entropy.uint32() >>> 12)
}

function identityOp(storage: number): DiskOp {
  return { put: identityKey, value: sealMessage(identityKey, Identity, { storage }) }
}

function blocksOf(firstIndex: number, entries: readonly Entry[]): Block[] {
  const blocks: Block[] = []
  let block: Block = { firstIndex, entries: [] }
  let bytes = 0
  for (const [i, entry] of entries.entries()) {
    const full =
      block.entries.length >= wireLimits.entriesPerAppendMax ||
      (block.entries.length > 0 && bytes + entryBytes(entry) > blockBytesMax)
    if (full) {
      blocks.push(block)
      block = { firstIndex: firstIndex + i, entries: [] }
      bytes = 0
    }
    block.entries.push(entry)
    bytes += entryBytes(entry)
  }
  if (block.entries.length > 0) blocks.push(block)
  return blocks
}

/** Records of one size, whatever the sizes of the parts. */
function* rechunked(parts: Iterable<Uint8Array>): Iterable<Uint8Array> {
  let held: Uint8Array[] = []
  let bytes = 0
  for (let part of parts) {
    while (bytes + part.length >= chunkBytes) {
      const room = chunkBytes - bytes
      yield Buffer.concat([...held, part.subarray(0, room)])
      part = part.subarray(room)
      held = []
      bytes = 0
    }
    if (part.length === 0) continue
    held.push(part)
    bytes += part.length
  }
  if (bytes > 0) yield Buffer.concat(held)
}

function snapshotOp(snapshot: SnapshotMeta): DiskOp {
  return { put: snapshotKey, value: sealMessage(snapshotKey, SnapshotMeta, snapshot) }
}

function hardRecordOf({ term, vote, commit, promised }: HardState): HardRecord {
  return {
    term,
    commit,
    promisedIndex: promised.index,
    promisedTerm: promised.term,
    ...(vote === undefined ? {} : { vote }),
  }
}
