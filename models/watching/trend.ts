/**
 * How something rises or falls, whatever a few wild points say: the median of the slopes between all
 * pairs of points (Theil and Sen), and how sure that is (Sen's interval by Kendall's count, made
 * wider where what lies beside the line is not independent from point to point).
 */
import { median, quantile } from '../measures/quantiles.ts'
import { trendLimits } from './limits.ts'

export interface Series {
  /** They grow. */
  readonly atMs: readonly number[]
  readonly values: readonly number[]
}

export interface Trend {
  readonly perMs: number
  /** The slope lies between these with nine chances in ten. */
  readonly low: number
  readonly high: number
}

/** Of the normal distribution, where a twentieth lies beyond. */
const Z = 1.6449
/** More dependence than that is taken for no ground: the interval is then as wide as it gets. */
const DEPENDENCE_MAX = 0.95

export function trendOf({ atMs, values }: Series): Trend | undefined {
  const n = values.length
  if (n < trendLimits.pointsMin) return undefined
  const slopes = slopesOf(atMs, values)
  const sorted = slopes.sort()
  const perMs = quantile(sorted, 0.5)
  const dependence = dependenceOf(atMs, values, perMs)
  const widening = (1 + dependence) / (1 - dependence)
  const half = Z * Math.sqrt(((n * (n - 1) * (2 * n + 5)) / 18) * widening)
  const low = Math.floor((sorted.length - half) / 2)
  const high = Math.ceil((sorted.length + half) / 2)
  return {
    perMs,
    low: sorted[low] ?? Number.NEGATIVE_INFINITY,
    high: sorted[high] ?? Number.POSITIVE_INFINITY,
  }
}

function slopesOf(atMs: readonly number[], values: readonly number[]): Float64Array {
  const n = values.length
  const slopes = new Float64Array((n * (n - 1)) / 2)
  let at = 0
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      slopes[at++] =
        ((values[j] as number) - (values[i] as number)) /
        ((atMs[j] as number) - (atMs[i] as number))
    }
  }
  return slopes
}

/** How much of what lies beside the line is told by the point before (lag one), 0 or more. */
function dependenceOf(atMs: readonly number[], values: readonly number[], perMs: number): number {
  const beside = values.map((value, i) => value - perMs * (atMs[i] as number))
  const mean = beside.reduce((sum, value) => sum + value, 0) / beside.length
  let together = 0
  let alone = 0
  for (const [i, value] of beside.entries()) {
    alone += (value - mean) ** 2
    if (i > 0) together += (value - mean) * ((beside[i - 1] as number) - mean)
  }
  return alone > 0 ? Math.min(DEPENDENCE_MAX, Math.max(0, together / alone)) : 0
}

/**
 * A rise that is sure and goes on: its lowest likely slope is one, and so is that of the newest
 * third. A step up, however high, is none.
 */
export function steadyRise(series: Series): Trend | undefined {
  const whole = trendOf(series)
  if (whole === undefined || whole.low <= 0) return undefined
  const from = Math.floor(series.values.length * (1 - trendLimits.newestShare))
  const newest = trendOf({ atMs: series.atMs.slice(from), values: series.values.slice(from) })
  const goesOn = newest !== undefined && newest.perMs >= trendLimits.newestRiseMin * whole.perMs
  return goesOn ? whole : undefined
}

/**
 * Whether it may have risen by so much at all: from the middle of the oldest third to that of the
 * newest lie two thirds of a steady rise. Costs next to nothing, and says no of nearly all hosts.
 */
export function risesBy({ values }: Series, least: number): boolean {
  const third = Math.floor(values.length / 3)
  if (third === 0) return false
  return median(values.slice(-third)) - median(values.slice(0, third)) >= least / 2
}
