/** When a run is likely to end, in words. */
import type * as z from 'zod'
import type { RunExpected } from '../api/run-schemas.ts'
import { age } from './figures.ts'

export type Expected = z.infer<typeof RunExpected>

/** What is said may be a while ago. */
export function endText({ atMs, p50Ms, p90Ms, untimed }: Expected, nowMs: number): string {
  const goneMs = Math.max(0, nowMs - atMs)
  const late = p90Ms <= goneMs
  const middle = age(Math.max(0, p50Ms - goneMs))
  const end = age(Math.max(0, p90Ms - goneMs))
  // What the others take comes on top, so that there is no upper end.
  if (untimed > 0)
    return p50Ms <= goneMs ? 'at a time that is not known' : `in ${middle} at the earliest`
  if (late) return 'any moment'
  return p50Ms <= goneMs ? `within ${end}` : `in ${middle}, nine times in ten within ${end}`
}
