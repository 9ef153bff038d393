/**
 * Writes down what happens to attempts, many in one go: while one batch is being synced, the next
 * gathers. So an agent that takes two thousand attempts a second syncs as often as its disk can,
 * and not two thousand times.
 */
import type { Disk, DiskOp } from '../../protocol/ports/disk.ts'

interface Batch {
  ops: DiskOp[]
  durable: boolean
  written: PromiseWithResolvers<void>
}

export class Notebook {
  readonly #disk: Disk
  #next: Batch | undefined
  #writing: Promise<void> | undefined

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** Resolves when it is written, and synced where that is asked for. Rejects with `DiskError`. */
  write(ops: readonly DiskOp[], options: { durable: boolean }): Promise<void> {
    this.#next ??= { ops: [], durable: false, written: Promise.withResolvers() }
    const batch = this.#next
    for (const op of ops) batch.ops.push(op)
    batch.durable ||= options.durable
    this.#writing ??= this.#run()
    return batch.written.promise
  }

  /** Resolves when nothing waits to be written. */
  async idle(): Promise<void> {
    await this.#writing
  }

  async #run(): Promise<void> {
    // Whatever this turn has to say goes down together.
    await Promise.resolve()
    while (this.#next) {
      const { ops, durable, written } = this.#next
      this.#next = undefined
      await this.#disk.write(ops, { durable }).then(written.resolve, written.reject)
    }
    this.#writing = undefined
  }
}
