/** Parts of times, in UTC or at an offset like `"+02:00"`, and of durations as whole units. */
import type { Budget } from './budget.ts'
import { type CivilTime, civil, parseOffset } from './calendar.ts'
import type { FunctionRow } from './functions.ts'
import * as type from './types.ts'
import type { Duration, Timestamp } from './values.ts'

const { duration, int, string, timestamp } = type

const parts: readonly [string, string, (time: CivilTime) => number][] = [
  ['getFullYear', 'The year.', ({ year }) => year],
  ['getMonth', 'The month, 0 for January.', ({ month }) => month - 1],
  ['getDate', 'The day of the month, from 1.', ({ day }) => day],
  ['getDayOfMonth', 'The day of the month, from 0.', ({ day }) => day - 1],
  ['getDayOfWeek', 'The day of the week, 0 for Sunday.', ({ weekday }) => weekday],
  ['getDayOfYear', 'The day of the year, from 0.', ({ yearday }) => yearday],
  ['getHours', 'The hour.', ({ hour }) => hour],
  ['getMinutes', 'The minute.', ({ minute }) => minute],
  ['getSeconds', 'The second.', ({ second }) => second],
  ['getMilliseconds', 'The millisecond.', ({ millisecond }) => millisecond],
]

const units: readonly [string, string, number][] = [
  ['getHours', 'Whole hours.', 3_600_000],
  ['getMinutes', 'Whole minutes.', 60_000],
  ['getSeconds', 'Whole seconds.', 1_000],
  ['getMilliseconds', 'Whole milliseconds.', 1],
]

function offsetMs(text: string, budget: Budget): number {
  const offset = parseOffset(text)
  if (offset !== undefined) return offset
  const why = `${JSON.stringify(text.slice(0, 40))} is no offset from UTC`
  return budget.fails('badConversion', why, 'write "+02:00" or "UTC"; names of zones are not read')
}

export const timeFunctions: readonly FunctionRow[] = [
  ...parts.flatMap(([name, about, part]): FunctionRow[] => [
    {
      name,
      receiver: timestamp,
      params: [],
      result: int,
      about,
      run: ([time]: readonly Timestamp[]) => BigInt(part(civil(time!.ms))),
    },
    {
      name,
      receiver: timestamp,
      params: [string],
      result: int,
      about: `${about.slice(0, -1)}, at that offset from UTC.`,
      run: ([time, offset], budget) => BigInt(part(civil(time.ms + offsetMs(offset, budget)))),
    },
  ]),
  ...units.map(
    ([name, about, unitMs]): FunctionRow => ({
      name,
      receiver: duration,
      params: [],
      result: int,
      about,
      run: ([length]: readonly Duration[]) => BigInt(Math.trunc(length!.ms / unitMs)),
    }),
  ),
]
