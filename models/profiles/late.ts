/**
 * From when on an attempt takes far longer than such work does. Of a range only three figures are
 * known, so that the time within which 99 of a hundred are done is read off a log-normal end through
 * its middle and its 90th percentile (`figureAt`), moved to the host as its middle is. Ends are
 * heavier than that, and of few attempts hardly known: half as much again is given, or three times as
 * much, and never less than two seconds.
 */
import type { TaskTimes } from './by-host.ts'
import { figureAt } from './draws.ts'

export interface LateRule {
  /** What it takes there in the middle. */
  readonly usualMs: number
  /** Within that, 99 of a hundred are done. */
  readonly farMs: number
  /** After that it is late. */
  readonly afterMs: number
  /** Attempts that speak for it. */
  readonly n: number
}

const lateLimits = { manyMin: 20, byMany: 1.5, byFew: 3, leastMs: 2_000, far: 0.99 } as const

export function lateRule({ range, byHost }: TaskTimes, host: string): LateRule {
  const usualMs = byHost.get(host)?.ms ?? range.p50
  const times = range.p50 > 0 ? usualMs / range.p50 : 1
  const farMs = Math.max(range.p90, figureAt(range, lateLimits.far)) * times
  const { byMany, byFew, manyMin, leastMs } = lateLimits
  const doubt = range.n >= manyMin ? byMany : byFew
  const afterMs = Math.ceil(Math.max(doubt * farMs, farMs + leastMs))
  return { usualMs, farMs, afterMs, n: range.n }
}
