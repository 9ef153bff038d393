/**
 * How far predicted times are off. All but the loss in seconds are of ratios: to be off by a half is
 * as bad for what takes a second as for what takes an hour.
 */
import { levels, type Range } from '../rows.ts'
import { median } from './quantiles.ts'

export interface Judged {
  readonly range: Range
  /** What it was in the end, in milliseconds. */
  readonly actualMs: number
}

export interface DurationErrors {
  readonly n: number
  /** Median of |p50 − actual| / actual. */
  readonly medianError: number
  /** Mean over p10, p50 and p90, in seconds: the longest tasks decide. */
  readonly pinballSeconds: number
  /** The same of the natural logarithms: each task counts as much. */
  readonly pinballLog: number
  /** Share of what lies from p10 to p90, both included. */
  readonly coverage: number
  /** Median of p90 / p10. */
  readonly width: number
}

/** Clocks of hosts count milliseconds: what is shorter took one. */
export const SHORTEST_MS = 1

/** The natural logarithm of a time, which is what models learn. */
export function logOf(ms: number): number {
  return Math.log(Math.max(SHORTEST_MS, ms))
}

export function durationErrors(judged: readonly Judged[]): DurationErrors | undefined {
  if (judged.length === 0) return undefined
  const errors = new Float64Array(judged.length)
  const widths = new Float64Array(judged.length)
  let [seconds, logs, inside] = [0, 0, 0]
  for (const [i, { range, actualMs }] of judged.entries()) {
    const actual = Math.max(SHORTEST_MS, actualMs)
    errors[i] = Math.abs(range.p50 - actual) / actual
    widths[i] = Math.max(SHORTEST_MS, range.p90) / Math.max(SHORTEST_MS, range.p10)
    const quantiles = [range.p10, range.p50, range.p90]
    for (const [k, level] of levels.entries()) {
      const said = Math.max(SHORTEST_MS, quantiles[k] as number)
      seconds += pinball(level, said, actual) / 1_000
    }
    logs += rangeLoss(range, logOf(actual))
    if (actual >= range.p10 && actual <= range.p90) inside++
  }
  const { length: n } = judged
  return {
    n,
    medianError: median(errors),
    pinballSeconds: seconds / n / levels.length,
    pinballLog: logs / n,
    coverage: inside / n,
    width: median(widths),
  }
}

/** Mean loss of the three quantiles; `actual` is the natural logarithm of milliseconds. */
export function rangeLoss({ p10, p50, p90 }: Range, actual: number): number {
  const quantiles = [p10, p50, p90]
  const losses = levels.map((level, i) => pinball(level, logOf(quantiles[i] as number), actual))
  return losses.reduce((sum, loss) => sum + loss, 0) / levels.length
}

/** To say too little costs `level` for each unit, and too much the rest of one. */
export function pinball(level: number, said: number, actual: number): number {
  return actual >= said ? level * (actual - said) : (1 - level) * (said - actual)
}
