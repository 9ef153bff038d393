/**
 * The room left on the file system of a store, looked at often enough that the reserve is never
 * written through unseen by this store alone, and rarely enough to cost nothing.
 */
import { statfsSync } from 'node:fs'
import { DiskError } from '../../protocol/ports/disk.ts'
import { diskLimits } from './limits.ts'

export class FreeSpace {
  readonly #directory: string
  readonly #freeBytesMin: number
  #claimedBytes = 0
  #lookedMs = Number.NEGATIVE_INFINITY
  #availableBytes = 0

  constructor(directory: string, freeBytesMin: number) {
    this.#directory = directory
    this.#freeBytesMin = freeBytesMin
  }

  /** Throws `DiskError` with code `full` when writing so many bytes would eat into the reserve. */
  claim(bytes: number): void {
    this.#claimedBytes += bytes
    const nowMs = performance.now()
    const low = this.#availableBytes - this.#claimedBytes < this.#freeBytesMin
    if (
      low ||
      this.#claimedBytes >= diskLimits.freeSpaceCheckBytes ||
      nowMs - this.#lookedMs >= diskLimits.freeSpaceCheckMs
    ) {
      this.#look(nowMs)
    }
    if (this.#availableBytes - bytes >= this.#freeBytesMin) return
    throw new DiskError(
      'full',
      `${this.#directory}: ${this.#availableBytes} bytes are left, and ${this.#freeBytesMin} are kept free`,
    )
  }

  #look(nowMs: number): void {
    const stats = statfsSync(this.#directory)
    this.#availableBytes = stats.bavail * stats.bsize
    this.#claimedBytes = 0
    this.#lookedMs = nowMs
  }
}
