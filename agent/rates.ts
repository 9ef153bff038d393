/**
 * An allowance for each of many, of which as many are remembered as there is room for. The one that
 * was unused for longest is forgotten, and has all of its allowance when it comes again.
 */
import { TokenBucket } from './token-bucket.ts'

export interface Rate {
  readonly perSecond: number
  readonly atOnce: number
}

export class Rates<K> {
  readonly #buckets = new Map<K, TokenBucket>()
  readonly #sizeMax: number

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  of(key: K, { perSecond, atOnce }: Rate, nowMs: number): TokenBucket {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(perSecond, atOnce, nowMs)
    // Kept in order of use.
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    forgetFirst(this.#buckets, this.#sizeMax)
    return bucket
  }
}

/** A `Map` keeps the order of insertion: the first key is the oldest. */
export function forgetFirst<K, V>(map: Map<K, V>, sizeMax: number): void {
  if (map.size <= sizeMax) return
  const first = map.keys().next()
  if (!first.done) map.delete(first.value)
}
