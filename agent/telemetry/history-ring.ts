/**
 * The points of the last day in memory, in flat columns, so that a day costs 600 KiB once and a
 * fresh agent next to nothing.
 *
 * Invariant: times strictly grow from the oldest point to the newest.
 */
import type { Series } from '../../models/watching/trend.ts'
import { assert } from '../../protocol/assert.ts'
import { byteFigures, type Figure, figures, type HistoryPoint } from './history-point.ts'

/** What a column holds where a point has no such figure. */
const absent = Number.NaN

export class HistoryRing {
  readonly #capacity: number
  readonly #times: Float64Array
  readonly #columns: readonly Float64Array[]
  #first = 0
  #size = 0

  constructor(capacity: number) {
    this.#capacity = capacity
    this.#times = new Float64Array(capacity)
    this.#columns = figures.map(() => new Float64Array(capacity))
  }

  get size(): number {
    return this.#size
  }

  /** The time of the newest point, or minus infinity. */
  get newestMs(): number {
    return this.#size === 0 ? Number.NEGATIVE_INFINITY : this.#timeOf(this.#size - 1)
  }

  /** Takes the oldest point's place when full. */
  push(point: HistoryPoint): void {
    assert(point.atMs > this.newestMs, 'history only grows forward', {
      atMs: point.atMs,
      newestMs: this.newestMs,
    })
    if (this.#size === this.#capacity) this.#dropOldest(1)
    const slot = (this.#first + this.#size) % this.#capacity
    this.#times[slot] = point.atMs
    for (const [column, figure] of figures.entries()) {
      this.#columns[column]![slot] = point[figure] ?? absent
    }
    this.#size++
  }

  /** Forgets the points before a time. */
  dropBefore(atMs: number): void {
    this.#dropOldest(this.#countBefore(atMs))
  }

  /** Forgets the points at a time and after it. */
  dropFrom(atMs: number): void {
    this.#size = this.#countBefore(atMs)
  }

  /** The points with `fromMs` ≤ time < `toMs`, oldest first. */
  between(fromMs: number, toMs: number): HistoryPoint[] {
    const points: HistoryPoint[] = []
    const end = this.#countBefore(toMs)
    for (let i = this.#countBefore(fromMs); i < end; i++) points.push(this.#pointAt(i))
    return points
  }

  /** Means of one figure over equal times, oldest first; a time that holds nothing is left out. */
  means(figure: Figure, fromMs: number, toMs: number, buckets: number): Series {
    const column = this.#columns[figures.indexOf(figure)] as Float64Array
    const lengthMs = (toMs - fromMs) / buckets
    const sums = new Float64Array(buckets)
    const counts = new Float64Array(buckets)
    const end = this.#countBefore(toMs)
    for (let i = this.#countBefore(fromMs); i < end; i++) {
      const value = column[(this.#first + i) % this.#capacity] as number
      const bucket = Math.floor((this.#timeOf(i) - fromMs) / lengthMs)
      if (Number.isNaN(value) || bucket >= buckets) continue
      sums[bucket]! += value
      counts[bucket]! += 1
    }
    const filled = [...counts.keys()].filter((bucket) => counts[bucket]! > 0)
    return {
      atMs: filled.map((bucket) => fromMs + (bucket + 0.5) * lengthMs),
      values: filled.map((bucket) => sums[bucket]! / counts[bucket]!),
    }
  }

  #pointAt(index: number): HistoryPoint {
    const slot = (this.#first + index) % this.#capacity
    const value = (column: number): number => this.#columns[column]![slot]!
    const point: Partial<HistoryPoint> & { atMs: number } = { atMs: this.#times[slot]! }
    for (const [column, figure] of figures.entries()) {
      if (!Number.isNaN(value(column))) point[figure] = value(column)
    }
    assert(isWhole(point), 'every figure that is not optional is kept')
    return point
  }

  /** How many points lie before a time: by halving, since times grow. */
  #countBefore(atMs: number): number {
    let low = 0
    let high = this.#size
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#timeOf(middle) < atMs) low = middle + 1
      else high = middle
    }
    return low
  }

  #timeOf(index: number): number {
    return this.#times[(this.#first + index) % this.#capacity]!
  }

  #dropOldest(count: number): void {
    this.#first = (this.#first + count) % this.#capacity
    this.#size -= count
  }
}

function isWhole(point: Partial<HistoryPoint> & { atMs: number }): point is HistoryPoint {
  return byteFigures.every((figure) => point[figure] !== undefined)
}
