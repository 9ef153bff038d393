/** What few figures come to, and several ranges taken together. */
import { quantile, sortedOf } from '../measures/quantiles.ts'
import type { Range } from '../rows.ts'

export function rangeOf(values: readonly number[]): Range | undefined {
  if (values.length === 0) return undefined
  const sorted = sortedOf(values)
  return {
    p10: quantile(sorted, 0.1),
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    n: sorted.length,
  }
}

/**
 * One range for all that stands behind several, where only the ranges are known: the quantiles of
 * their mixture, each taken to be straight between its own three figures.
 */
export function pooled(ranges: readonly Range[]): Range | undefined {
  const told = ranges.filter(({ n }) => n > 0)
  const [only] = told
  if (told.length <= 1) return only
  const n = told.reduce((sum, range) => sum + range.n, 0)
  const places = told.flatMap(({ p10, p50, p90 }) => [p10, p50, p90])
  const low = Math.min(...places)
  const high = Math.max(...places)
  const at = (share: number) => placeOf(told, n, share, low, high)
  return { p10: at(0.1), p50: at(0.5), p90: at(0.9), n }
}

/** Halved so often, the place is found to a millionth of a millionth of the span. */
const HALVINGS = 40

function placeOf(
  ranges: readonly Range[],
  n: number,
  share: number,
  lowest: number,
  highest: number,
): number {
  let low = lowest
  let high = highest
  for (let i = 0; i < HALVINGS && high > low; i++) {
    const middle = (low + high) / 2
    let below = 0
    for (const range of ranges) below += shareBelow(range, middle) * range.n
    if (below < share * n) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** How much of it is at most `value`. What is beyond its figures is as thin as what is between. */
function shareBelow({ p10, p50, p90 }: Range, value: number): number {
  if (value >= p50) return Math.min(1, 0.5 + 0.4 * along(p50, p90, value))
  return Math.max(0, 0.5 - 0.4 * along(p50, p10, value))
}

function along(from: number, to: number, value: number): number {
  if (from === to) return value === from ? 0 : Number.POSITIVE_INFINITY
  return (value - from) / (to - from)
}
