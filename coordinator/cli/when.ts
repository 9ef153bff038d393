/** Moments as people write them: an age, or a time of the calendar. */
import { wrongUse } from './usage.ts'

const ageUnits: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** An age, or a moment as ISO 8601 has it. */
export function momentFrom(flag: string, text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? []
  if (count !== undefined && unit !== undefined) {
    return Math.max(0, Date.now() - Number(count) * ageUnits[unit]! * 1_000)
  }
  const moment = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (moment >= 0) return moment
  throw wrongUse(`${flag} ${text} is no age and no date`, 'write it as 30m, 12h, 7d or 2026-01-31')
}
