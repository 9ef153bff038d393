/** Updates count by their weights, which travel behind them: so the sum of weights comes with the sum. */
import { offGrid } from '../masking/fixed-point.ts'

/** The update times its weight, and the weight. */
export function weighed(update: Float32Array, weight: number): Float32Array {
  const values = new Float32Array(update.length + 1)
  values.set(update.map((value) => (Number.isFinite(value) ? value * weight : 0)))
  values[update.length] = weight
  return values
}

/** What comes of a sum of these on a grid: the mean update. */
export function meanIn(sum: Int32Array, bits: number): Float32Array {
  const values = offGrid(sum, bits)
  const weight = values.at(-1) as number
  return Float32Array.from(values.subarray(0, -1), (value) => (weight > 0 ? value / weight : 0))
}
