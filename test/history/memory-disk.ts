/** A disk that remembers for as long as the test, and can be copied. */
import type { Disk, DiskOp, ScanRange } from '../../protocol/ports/disk.ts'
import { SortedStore } from '../../simulations/world/sorted-store.ts'

export class MemoryDisk implements Disk {
  readonly store = new SortedStore()
  /** Called before each batch. */
  onWrite: (batch: readonly DiskOp[]) => void = () => {}

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.store.get(key)
  }

  async write(batch: readonly DiskOp[]): Promise<void> {
    this.onWrite(batch)
    for (const op of batch) {
      if ('put' in op) this.store.set(op.put, op.value.slice())
      else this.store.set(op.del, undefined)
    }
  }

  async *scan(range: ScanRange): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    for (const entry of this.store.slice(range)) yield entry
  }

  async sync(): Promise<void> {}
  async close(): Promise<void> {}
  async scrub(): Promise<void> {}

  keys(): string[] {
    return this.store.slice({ from: '', to: '\u{10ffff}' }).map(([key]) => key)
  }
}
