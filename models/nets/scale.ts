/**
 * Features brought to a size that a network learns well from: each less its mean, in its own standard
 * deviations, and no further out than a few of them. What never differs says nothing and becomes 0.
 */
import { assert } from '../../protocol/assert.ts'

/**
 * Beyond it a network has seen little, and says anything. On the shared traces, asked far ahead, the
 * median error of its answers was 46% at 4 and 38% at 2 with one seed and no noise; of what begins
 * now 25% at both.
 */
const DEVIATIONS_MAX = 2

export class Scale {
  readonly #means: Float64Array
  /** One over the deviation; 0 where there is none. */
  readonly #factors: Float64Array

  /** As the rows have it, which all have as many features. */
  constructor(rows: readonly Float32Array[]) {
    const [first] = rows
    assert(first !== undefined, 'a scale must be taken of something')
    this.#means = new Float64Array(first.length)
    this.#factors = new Float64Array(first.length)
    for (const feature of first.keys()) {
      const values = rows.map((row) => row[feature] as number)
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      const spread = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
      this.#means[feature] = mean
      // What differs by rounding alone does not differ.
      const isEven = Math.sqrt(spread) <= 1e-6 * Math.max(1, Math.abs(mean))
      this.#factors[feature] = isEven ? 0 : 1 / Math.sqrt(spread)
    }
  }

  /** One after the other, as a network takes them. */
  applied(rows: readonly Float32Array[]): Float32Array {
    const width = this.#means.length
    const all = new Float32Array(rows.length * width)
    for (const [i, row] of rows.entries()) {
      for (let feature = 0; feature < width; feature++) {
        const away =
          ((row[feature] as number) - (this.#means[feature] as number)) *
          (this.#factors[feature] as number)
        all[i * width + feature] = Math.max(-DEVIATIONS_MAX, Math.min(DEVIATIONS_MAX, away))
      }
    }
    return all
  }
}
