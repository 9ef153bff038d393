/**
 * What a machine's disk keeps, whatever becomes of the program: batches that were synced for good,
 * and those that were not, which a loss of power takes from the end, whole, in order, and as many
 * as chance wills. A batch under way when the program dies may or may not have made it.
 */
import {
  DiskError,
  type DiskErrorCode,
  type DiskOp,
  type ScanRange,
} from '../../protocol/ports/disk.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { below } from '../../protocol/ports/entropy.ts'
import { quickUnit } from './entropy.ts'
import type { CrashKind } from './host.ts'
import { SortedStore } from './sorted-store.ts'

export interface DiskOptions {
  readMs: number
  writeMs: number
  /** What making a batch durable takes on top. */
  syncMs: number
  /** Share of the operations that take a multiple of their time, drawn evenly up to `spikeFactor`. */
  spikeShare: number
  spikeFactor: number
  /** A batch that puts anything is refused with `full` beyond it. */
  capacityBytes: number
}

const ordinaryDisk: DiskOptions = {
  readMs: 0.05,
  writeMs: 0.05,
  syncMs: 1,
  spikeShare: 0.01,
  spikeFactor: 50,
  capacityBytes: 100e9,
}

const everything: ScanRange = { from: '', to: '\u{10ffff}' }

/** One batch that is not safe yet, and how to take it back. */
type Undo = [key: string, before: Uint8Array | undefined][]

export class Platter {
  options: DiskOptions
  /** It says that it has synced, and has not. */
  lies = false
  /** What every write is refused with, from now on. */
  fault: DiskErrorCode | undefined
  usedBytes = 0
  /** Whether anything that was safe on it has been damaged, or lost with another disk. */
  harmed = false
  /** How many disks have stood here before. */
  generation = 0
  readBytes = 0
  writtenBytes = 0
  private readonly entropy: Entropy
  private readonly store = new SortedStore()
  private unsynced: Undo[] = []
  /** Given to the machine by a program, and neither refused nor applied yet. */
  underWay: (readonly DiskOp[])[] = []

  constructor(entropy: Entropy, options: Partial<DiskOptions>) {
    this.entropy = entropy
    this.options = { ...ordinaryDisk, ...options }
  }

  latencyMs(ms: number): number {
    const { spikeShare, spikeFactor } = this.options
    const drawn = ms * (0.5 + quickUnit(this.entropy))
    if (spikeShare === 0 || quickUnit(this.entropy) >= spikeShare) return drawn
    return drawn * (1 + (spikeFactor - 1) * quickUnit(this.entropy))
  }

  get(key: string): Uint8Array | undefined {
    const value = this.store.get(key)
    this.readBytes += value?.length ?? 0
    return value
  }

  slice(range: ScanRange): (readonly [key: string, value: Uint8Array])[] {
    const entries = this.store.slice(range)
    for (const [, value] of entries) this.readBytes += value.length
    return entries
  }

  /** Why this batch cannot be written now. */
  refusal(batch: readonly DiskOp[]): DiskError | undefined {
    if (this.fault !== undefined) return new DiskError(this.fault, `write: disk ${this.fault}`)
    const bytes = batch.reduce((sum, op) => sum + ('put' in op ? sizeOf(op.put, op.value) : 0), 0)
    // What only deletes is how room is made.
    if (bytes === 0 || this.usedBytes + bytes <= this.options.capacityBytes) return undefined
    return new DiskError('full', `write: ${this.options.capacityBytes} bytes are all there are`)
  }

  apply(batch: readonly DiskOp[]): void {
    const undo: Undo = batch.map((op) => {
      const [key, value] = 'put' in op ? [op.put, op.value] : [op.del, undefined]
      this.writtenBytes += sizeOf(key, value)
      return [key, this.put(key, value)]
    })
    if (undo.length > 0) this.unsynced.push(undo)
  }

  /** Everything applied so far is safe. */
  sync(): void {
    if (!this.lies) this.unsynced = []
  }

  crash(kind: CrashKind): void {
    const [underWay, safe] = [this.underWay, this.unsynced.length]
    this.underWay = []
    for (const batch of underWay) this.apply(batch)
    // The operating system keeps what a killed program has written.
    const least = kind === 'kill' ? safe : 0
    const kept = least + below(this.entropy, this.unsynced.length - least + 1)
    for (const undo of this.unsynced.splice(kept).reverse()) {
      for (const [key, before] of undo.reverse()) this.put(key, before)
    }
    // What has survived a loss of power is on the disk.
    if (kind === 'powerLoss') this.unsynced = []
  }

  /** Another disk stands in its place: as large, as quick, and empty. */
  replace(): void {
    this.harmed = true
    this.generation++
    for (const [key] of this.store.slice(everything)) this.put(key, undefined)
    this.unsynced = []
    this.underWay = []
  }

  /** What is there now, looked at from outside. */
  held(key: string): Uint8Array | undefined {
    return this.store.get(key)
  }

  /** What a loss of power would leave of it, at worst. */
  safe(key: string): Uint8Array | undefined {
    for (const undo of this.unsynced)
      for (const [written, before] of undo) if (written === key) return before
    return this.store.get(key)
  }

  /** The keys that begin so, in their order. */
  keysOf(prefix: string): string[] {
    return this.store.slice({ from: prefix, to: `${prefix}\uffff` }).map(([key]) => key)
  }

  /** Turns one bit of what is kept. False when there is nothing to turn. */
  flipBit(key: string): boolean {
    const value = this.store.get(key)?.slice()
    if (value === undefined || value.length === 0) return false
    const at = below(this.entropy, value.length)
    value[at] = (value[at] as number) ^ (1 << below(this.entropy, 8))
    this.store.set(key, value)
    this.harmed = true
    return true
  }

  private put(key: string, value: Uint8Array | undefined): Uint8Array | undefined {
    const before = this.store.set(key, value)
    this.usedBytes += sizeOf(key, value) - sizeOf(key, before)
    return before
  }
}

function sizeOf(key: string, value: Uint8Array | undefined): number {
  return value === undefined ? 0 : key.length + value.length
}
