/** Quantiles of numbers, for all that learns or judges: in one place, so that they agree everywhere. */

/** In order of size. What is no number comes last. */
export function sortedOf(values: Iterable<number>): Float64Array {
  return Float64Array.from(values).sort()
}

/** Between the two nearest, as most programs do (type 7); `sorted` has at least one. */
export function quantile(sorted: ArrayLike<number>, level: number): number {
  const place = (sorted.length - 1) * level
  const below = sorted[Math.floor(place)] as number
  const above = sorted[Math.ceil(place)] as number
  return below + (above - below) * (place - Math.floor(place))
}

/** Of evenly many between the two in the middle; of none it is NaN. */
export function median(values: Iterable<number>): number {
  const sorted = sortedOf(values)
  const middle = sorted.length >>> 1
  if (sorted.length === 0) return Number.NaN
  if (sorted.length % 2 === 1) return sorted[middle] as number
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
