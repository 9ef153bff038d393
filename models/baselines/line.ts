/** A straight line through the latest of many points, by least squares. */
import { sortedOf } from '../measures/quantiles.ts'

export interface Fitted {
  readonly slope: number
  readonly intercept: number
  /** Of the values that it was drawn through. */
  readonly least: number
  /** In order of size. */
  readonly residuals: Float64Array
}

/** Through fewer, a line says nothing. */
const POINTS_MIN = 3

export class Line {
  readonly #limit: number
  readonly #xs: number[] = []
  readonly #ys: number[] = []
  #next = 0
  /** Drawn when it is asked for, and until a point comes. */
  #drawn: Fitted | 'none' | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  add(x: number, y: number): void {
    this.#xs[this.#next] = x
    this.#ys[this.#next] = y
    this.#next = (this.#next + 1) % this.#limit
    this.#drawn = undefined
  }

  /** Undefined where there are too few points, or all of one size. */
  fitted(): Fitted | undefined {
    this.#drawn ??= lineThrough(this.#xs, this.#ys) ?? 'none'
    return this.#drawn === 'none' ? undefined : this.#drawn
  }
}

function lineThrough(xs: readonly number[], ys: readonly number[]): Fitted | undefined {
  const { length: n } = xs
  if (n < POINTS_MIN) return undefined
  const meanX = xs.reduce((sum, x) => sum + x, 0) / n
  const meanY = ys.reduce((sum, y) => sum + y, 0) / n
  let [sxx, sxy, least] = [0, 0, Infinity]
  for (let i = 0; i < n; i++) {
    const dx = (xs[i] as number) - meanX
    sxx += dx * dx
    sxy += dx * ((ys[i] as number) - meanY)
    least = Math.min(least, ys[i] as number)
  }
  // Of sizes that are the same but for rounding, any line may be drawn.
  if (sxx <= n * (1e-9 * Math.max(1, Math.abs(meanX))) ** 2) return undefined
  const slope = sxy / sxx
  const intercept = meanY - slope * meanX
  const residuals = sortedOf(ys.map((y, i) => y - intercept - slope * (xs[i] as number)))
  return { slope, intercept, least, residuals }
}
