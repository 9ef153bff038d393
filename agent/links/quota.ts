/** What one peer may send: frames and bytes a second, over all its streams of the purpose. */

import { TokenBucket } from '../token-bucket.ts'
import type { Quotas } from './limits.ts'

export class Quota {
  readonly #frames: TokenBucket
  readonly #bytes: TokenBucket
  readonly pauseMsMin: number

  constructor(quotas: Quotas, nowMs: number) {
    this.#frames = new TokenBucket(quotas.framesPerSecond, quotas.framesBurst, nowMs)
    this.pauseMsMin = quotas.pauseMsMin
    this.#bytes = new TokenBucket(quotas.bytesPerSecond, quotas.bytesBurst, nowMs)
  }

  charge(bytes: number, nowMs: number): void {
    this.#frames.charge(1, nowMs)
    this.#bytes.charge(bytes, nowMs)
  }

  /** For what was refused: as if so many frames had come. */
  fine(frames: number, nowMs: number): void {
    this.#frames.charge(frames, nowMs)
  }

  waitMs(nowMs: number): number {
    return Math.max(this.#frames.waitMs(nowMs), this.#bytes.waitMs(nowMs))
  }

  full(nowMs: number): boolean {
    return this.#frames.full(nowMs) && this.#bytes.full(nowMs)
  }
}
