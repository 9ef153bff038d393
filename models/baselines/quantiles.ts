/** Quantiles of numbers that are in order. */

/** Between the two nearest of them; `sorted` has at least one. */
export function quantile(sorted: ArrayLike<number>, level: number): number {
  const at = (sorted.length - 1) * level
  const low = Math.floor(at)
  const below = sorted[low] as number
  const above = sorted[Math.min(low + 1, sorted.length - 1)] as number
  return below + (above - below) * (at - low)
}

export function sortedOf(values: Iterable<number>): Float64Array {
  return Float64Array.from(values).sort()
}
