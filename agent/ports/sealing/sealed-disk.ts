/**
 * A disk of which nobody reads a value without its key. The keys under which values stand are seen,
 * for they order the store. What was not sealed for its place is told as damage.
 */
import {
  type Disk,
  DiskError,
  type DiskOp,
  lostKey,
  type ScanRange,
} from '../../../protocol/ports/disk.ts'
import { sealRowKey } from './seal-row.ts'
import type { ValueSeal } from './value-seal.ts'

/** Whoever opens the medium puts it there, before there is a key; it says nothing by its value. */
export const plainKeys: ReadonlySet<string> = new Set([lostKey])

export class SealedDisk implements Disk {
  readonly #disk: Disk
  readonly #seal: ValueSeal

  constructor(disk: Disk, seal: ValueSeal) {
    this.#disk = disk
    this.#seal = seal
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const value = await this.#disk.get(key)
    return value && this.#opened(key, value)
  }

  write(batch: readonly DiskOp[], options: { durable: boolean }): Promise<void> {
    return this.#disk.write(
      batch.map((op) => this.#sealed(op)),
      options,
    )
  }

  async *scan(range: ScanRange): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    // The row of the seal is nobody's but the seal's; one more makes up for it.
    const { limit } = range
    let left = limit ?? Number.POSITIVE_INFINITY
    if (left <= 0) return
    const wide = limit === undefined || limit < 0 ? range : { ...range, limit: limit + 1 }
    if (limit !== undefined && limit < 0) left = Number.POSITIVE_INFINITY
    for await (const [key, value] of this.#disk.scan(wide)) {
      if (key === sealRowKey) continue
      yield [key, this.#opened(key, value)]
      if (--left === 0) return
    }
  }

  sync(): Promise<void> {
    return this.#disk.sync()
  }

  close(): Promise<void> {
    return this.#disk.close()
  }

  scrub(prefix: string): Promise<void> {
    return this.#disk.scrub(prefix)
  }

  #sealed(op: DiskOp): DiskOp {
    if (!('put' in op) || plainKeys.has(op.put)) return op
    return { put: op.put, value: this.#seal.seal(op.put, op.value) }
  }

  #opened(key: string, value: Uint8Array): Uint8Array {
    return plainKeys.has(key) ? value : openedBy(this.#seal, key, value)
  }
}

export function openedBy(seal: ValueSeal, key: string, value: Uint8Array): Uint8Array {
  const opened = seal.open(key, value)
  if (opened) return opened
  throw new DiskError('corrupt', `what stands under ${key} is not as it was sealed`)
}
