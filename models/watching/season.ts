/**
 * What is usual for a host at this hour of the day, with as much work as it has now, from the same
 * hours of earlier days; and whether what is now is far above it. Hosts differ, so each is judged
 * against itself alone. A figure that is above the usual because work runs is not unusual.
 */
import { quantile } from '../measures/quantiles.ts'
import { seasonLimits } from './limits.ts'

export const seasonFigures = ['cpu', 'memory'] as const
export type SeasonFigure = (typeof seasonFigures)[number]

/** Means of one hour, of the time in which so much work ran: as shares of the whole. */
export interface SeasonHour {
  /** Hours since 1970. */
  readonly hour: number
  readonly work: number
  readonly cpu?: number
  readonly memory: number
}

export type Verdict =
  /** Days that have such an hour with such work; `daysMin` are needed. */
  | { readonly kind: 'unknown'; readonly days: number }
  | { readonly kind: 'usual'; readonly usual: number; readonly days: number }
  | {
      readonly kind: 'unusual'
      readonly usual: number
      /** How far above it anything was that is usual. */
      readonly bound: number
      readonly now: number
      readonly days: number
    }

/** Kinds of load by how much work there is: 0, 1, 2 to 3, 4 to 7 and so on. */
export function workClassOf(attempts: number): number {
  const classOf = attempts < 1 ? 0 : 1 + Math.floor(Math.log2(attempts))
  return Math.min(classOf, seasonLimits.classesMax - 1)
}

export function judged(
  past: readonly SeasonHour[],
  now: { readonly hour: number; readonly work: number },
  figure: SeasonFigure,
  value: number,
): Verdict {
  const dayOf = ({ hour }: SeasonHour) => Math.floor((now.hour - hour + 12) / 24)
  // Not of today: what has been so for an hour is no usual thing for that.
  const alike = past.filter((each) => {
    const sameTime = hoursApart(each.hour, now.hour) <= seasonLimits.hoursAside
    return sameTime && each.work === now.work && each[figure] !== undefined && dayOf(each) > 0
  })
  const days = new Set(alike.map(dayOf)).size
  if (days < seasonLimits.daysMin) return { kind: 'unknown', days }
  const values = alike.map((each) => each[figure] as number).sort((a, b) => a - b)
  const usual = quantile(values, 0.5)
  const apart = values.map((each) => Math.abs(each - usual)).sort((a, b) => a - b)
  // As wide as the standard deviation of a normal distribution with such a median distance.
  const spread = 1.4826 * quantile(apart, 0.5)
  const bound = usual + Math.max(seasonLimits.floor[figure], seasonLimits.spreadsMax * spread)
  // What has been seen before, or nearly, is not unusual, however seldom it was.
  const most = (values.at(-1) as number) + seasonLimits.floor[figure] / 2
  if (value <= Math.max(bound, most)) return { kind: 'usual', usual, days }
  return { kind: 'unusual', usual, bound, now: value, days }
}

/** By the hour of the day. */
function hoursApart(a: number, b: number): number {
  const apart = Math.abs(a - b) % 24
  return Math.min(apart, 24 - apart)
}
