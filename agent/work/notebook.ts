/**
 * Writes down what happens to attempts, many in one go: while one batch is being synced, the next
 * gathers. So an agent that takes two thousand attempts a second syncs as often as its disk can,
 * and not two thousand times. What is only cleared away goes with the next batch, or a little later:
 * by itself it would make whatever is synced next wait for it.
 */
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Disk, DiskOp } from '../../protocol/ports/disk.ts'
import { deskLimits } from './limits.ts'

interface Batch {
  ops: DiskOp[]
  durable: boolean
  written: PromiseWithResolvers<void>
}

export class Notebook {
  readonly #clock: Clock
  readonly #disk: Disk
  /** A write that nobody waits for has failed. */
  readonly #onFailure: (error: unknown) => void
  #next: Batch | undefined
  #writing: Promise<void> | undefined
  #clearing: DiskOp[] = []
  #timer: Timer | undefined

  constructor(ports: { clock: Clock; disk: Disk }, onFailure: (error: unknown) => void) {
    this.#clock = ports.clock
    this.#disk = ports.disk
    this.#onFailure = onFailure
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

  /** What does no harm when it is found again in another life. */
  clear(...keys: readonly string[]): void {
    for (const key of keys) this.#clearing.push({ del: key })
    if (this.#clearing.length >= deskLimits.clearingMax) void this.#clear()
    else this.#timer ??= this.#clock.after(deskLimits.clearingWaitMs, () => this.#clear())
  }

  /** Resolves when nothing waits to be written. */
  async idle(): Promise<void> {
    await Promise.all([this.#clear(), this.#writing])
  }

  async #run(): Promise<void> {
    // Whatever this turn has to say goes down together.
    await Promise.resolve()
    while (this.#next) {
      const { ops, durable, written } = this.#next
      this.#next = undefined
      // The disk takes both at once. A full one refuses the one, and not the other.
      void this.#clear()
      await this.#disk.write(ops, { durable }).then(written.resolve, written.reject)
    }
    this.#writing = undefined
  }

  async #clear(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#clearing.length === 0) return
    const ops = this.#clearing
    this.#clearing = []
    await this.#disk.write(ops, { durable: false }).catch(this.#onFailure)
  }
}
