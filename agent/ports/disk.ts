/**
 * The host's disk: LevelDB. Batches pass through one queue, in order, and all that wait while one
 * is being written go down together as the next: one fsync then serves every durable write that
 * came during the fsync before it.
 *
 * A write that fails ends writing until the disk is opened again. After a failed fsync the kernel
 * may have dropped the pages, and after a failed append LevelDB's log may be torn: going on would
 * lose batches that were acknowledged. Reading goes on.
 */
import { ClassicLevel } from 'classic-level'
import {
  type Disk,
  DiskError,
  type DiskOp,
  lostKey,
  type ScanRange,
  within,
} from '../../protocol/ports/disk.ts'
import { diskError, openError } from './disk-errors.ts'
import { FreeSpace } from './free-space.ts'
import { diskLimits } from './limits.ts'
import { findDamage, forgetDamage } from './log-damage.ts'
import { syncLogs } from './log-files.ts'

type LevelOp = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string }

/** One caller's batch, waiting its turn. */
interface Waiting {
  ops: readonly LevelOp[]
  bytes: number
  durable: boolean
  resolve: () => void
  reject: (error: DiskError) => void
}

export interface DiskMetrics {
  /** How long the last durable group took to be safe; undefined before the first. */
  lastSyncMs: number | undefined
  /** Durable groups since the disk was opened. */
  syncs: number
  /** Batches since then; divided by `groups`, what coalescing gains. */
  batches: number
  groups: number
  queuedBytes: number
  /** Why nothing can be written any more. */
  failure: DiskError | undefined
}

export class LevelDisk implements Disk {
  readonly #level: ClassicLevel<string, Uint8Array>
  readonly #space: FreeSpace
  #queue: Waiting[] = []
  #queuedBytes = 0
  #pump: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #failure: DiskError | undefined
  /** Of this turn: what follows may stand on what was refused, and comes before that was heard. */
  #refusal: DiskError | undefined
  /** True while some batch is in LevelDB's logs that no fsync has covered. */
  #unsynced = false
  #lastSyncMs: number | undefined
  #syncs = 0
  #batches = 0
  #groups = 0

  private constructor(level: ClassicLevel<string, Uint8Array>, space: FreeSpace) {
    this.#level = level
    this.#space = space
  }

  /** Creates the directory if need be. Rejects with `DiskError`, or `DiskLocked`. */
  static async open(
    directory: string,
    freeBytesMin: number = diskLimits.freeBytesMin,
  ): Promise<LevelDisk> {
    const level = new ClassicLevel<string, Uint8Array>(directory, {
      keyEncoding: 'utf8',
      valueEncoding: 'view',
      cacheSize: diskLimits.cacheBytes,
      writeBufferSize: diskLimits.writeBufferBytes,
      maxFileSize: diskLimits.tableBytesMax,
      maxOpenFiles: diskLimits.openFilesMax,
    })
    try {
      const isDamaged = findDamage(directory)
      await level.open()
      if (isDamaged) {
        await level.put(lostKey, new Uint8Array(), { sync: true })
        forgetDamage(directory)
      }
    } catch (error) {
      throw openError(error, directory)
    }
    return new LevelDisk(level, new FreeSpace(directory, freeBytesMin))
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#refuseIfClosed()
    try {
      const value = await this.#level.get(key)
      return value && plain(value)
    } catch (error) {
      throw diskError(error, `read ${key}`)
    }
  }

  /** The values are copied before it returns; the caller may reuse them. */
  async write(batch: readonly DiskOp[], options: { durable: boolean }): Promise<void> {
    this.#refuseIfClosed()
    if (this.#failure) throw this.#failure
    if (batch.length === 0 && !options.durable) return
    const ops = batch.map(toLevel)
    const bytes = ops.reduce((sum, op) => sum + bytesOf(op), 0)
    this.#admit(ops, bytes)
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({ ops, bytes, durable: options.durable, resolve, reject })
      this.#queuedBytes += bytes
      this.#pump ??= this.#run()
    })
  }

  /** A batch that is refused takes those behind it along, however small, until its writer has heard. */
  #admit(ops: readonly LevelOp[], bytes: number): void {
    // What only deletes may use the reserve: it is how room is made.
    const puts = ops.some((op) => op.type === 'put')
    if (puts && this.#refusal) throw this.#refusal
    try {
      if (this.#queuedBytes + bytes > diskLimits.queueBytesMax) {
        const { queueBytesMax } = diskLimits
        throw new DiskError('failed', `write: ${queueBytesMax} bytes are waiting already`)
      }
      if (puts) this.#space.claim(bytes)
    } catch (error) {
      this.#refusal = diskError(error, 'write')
      setImmediate(() => {
        this.#refusal = undefined
      })
      throw error
    }
  }

  /** What is read is the store as it was when the first entry was asked for. */
  async *scan(range: ScanRange): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    this.#refuseIfClosed()
    try {
      const entries = this.#level.iterator({
        gte: range.from,
        lt: range.to,
        reverse: range.reverse ?? false,
        limit: range.limit ?? -1,
      })
      for await (const [key, value] of entries) yield [key, plain(value)]
    } catch (error) {
      throw diskError(error, `scan ${range.from}`)
    }
  }

  sync(): Promise<void> {
    return this.write([], { durable: true })
  }

  /**
   * LevelDB keeps what was deleted until it rewrites the tables in which it stands. It rewrites only
   * what it moves down a level, and what it has just written from memory counts as moved: so two
   * marks at the ends are moved after it, and take along what is between.
   */
  async scrub(prefix: string): Promise<void> {
    const { from, to } = within(prefix)
    await this.sync()
    try {
      await this.#level.compactRange(from, to)
      await this.write([{ del: from }, { del: to }], { durable: true })
      await this.#level.compactRange(from, `${to}\0`)
    } catch (error) {
      throw diskError(error, `scrub ${prefix}`)
    }
  }

  /** Finishes what was given, makes it safe, and gives up the lock. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  metrics(): DiskMetrics {
    return {
      lastSyncMs: this.#lastSyncMs,
      syncs: this.#syncs,
      batches: this.#batches,
      groups: this.#groups,
      queuedBytes: this.#queuedBytes,
      failure: this.#failure,
    }
  }

  async #run(): Promise<void> {
    // Everything that is written in one turn of the caller goes down together.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const group = this.#takeGroup()
      const failure = this.#failure ?? (await this.#writeGroup(group))
      this.#failure ??= failure
      for (const waiting of group) {
        this.#queuedBytes -= waiting.bytes
        if (failure) waiting.reject(failure)
        else waiting.resolve()
      }
    }
    this.#pump = undefined
  }

  #takeGroup(): Waiting[] {
    let bytes = 0
    let ops = 0
    let size = 0
    for (const waiting of this.#queue) {
      bytes += waiting.bytes
      ops += waiting.ops.length
      if (size > 0 && (bytes > diskLimits.groupBytesMax || ops > diskLimits.groupOpsMax)) break
      size++
    }
    return this.#queue.splice(0, size)
  }

  async #writeGroup(group: readonly Waiting[]): Promise<DiskError | undefined> {
    const durable = group.some((waiting) => waiting.durable)
    const ops = group.flatMap((waiting) => waiting.ops)
    const startedMs = performance.now()
    try {
      if (durable && this.#unsynced) {
        await syncLogs(this.#level.location)
        this.#unsynced = false
      }
      if (ops.length > 0) await this.#level.batch(ops, { sync: durable })
    } catch (error) {
      return diskError(error, 'write')
    }
    this.#groups++
    this.#batches += group.length
    if (durable) {
      this.#syncs++
      this.#lastSyncMs = performance.now() - startedMs
    } else {
      this.#unsynced = true
    }
    return undefined
  }

  async #close(): Promise<void> {
    await this.#pump
    try {
      if (this.#unsynced && !this.#failure) await syncLogs(this.#level.location)
    } catch (error) {
      throw diskError(error, 'close')
    } finally {
      await this.#level.close()
    }
  }

  #refuseIfClosed(): void {
    if (this.#closing) throw new DiskError('closed', 'the disk is closed')
  }
}

function toLevel(op: DiskOp): LevelOp {
  if ('put' in op) return { type: 'put', key: op.put, value: op.value.slice() }
  return { type: 'del', key: op.del }
}

/** LevelDB hands out `Buffer`s, whose `slice` means something else than the port's values' does. */
function plain(value: Uint8Array): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}

function bytesOf(op: LevelOp): number {
  return op.key.length + (op.type === 'put' ? op.value.length : 0)
}
