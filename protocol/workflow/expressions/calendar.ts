/**
 * Dates and durations of expressions, in UTC, by arithmetic alone. Days are counted from 1970 in the
 * proleptic Gregorian calendar, as in Howard Hinnant's "chrono-compatible low-level date algorithms".
 */
const DAY_MS = 86_400_000
/** Years 1 to 9999, as RFC 3339 can write them. */
export const TIMESTAMP_MIN_MS = -62_135_596_800_000
export const TIMESTAMP_MAX_MS = 253_402_300_799_999
/** About 285,000 years either way: sums of it stay whole. */
export const DURATION_MAX_MS = Number.MAX_SAFE_INTEGER

export interface CivilTime {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly millisecond: number
  /** 0 is Sunday. */
  readonly weekday: number
  /** 0 is the first of January. */
  readonly yearday: number
}

function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

export function civil(ms: number): CivilTime {
  const days = Math.floor(ms / DAY_MS)
  const rest = ms - days * DAY_MS
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  return {
    year,
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
    hour: Math.floor(rest / 3_600_000),
    minute: Math.floor(rest / 60_000) % 60,
    second: Math.floor(rest / 1_000) % 60,
    millisecond: rest % 1_000,
    weekday: (((days + 4) % 7) + 7) % 7,
    yearday: days - daysFromCivil(year, 1, 1),
  }
}

const rfc3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-]\d\d:\d\d))$/

/** Undefined when it is no time of RFC 3339, or one that no calendar has. */
export function parseTimestamp(text: string): number | undefined {
  const found = text.length > 40 ? null : rfc3339.exec(text)
  if (found === null) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const days = daysFromCivil(year, month, day)
  const back = civil(days * DAY_MS)
  if (back.month !== month || back.day !== day) return undefined
  const fraction = Math.floor(Number(`0.${found[7] ?? 0}`) * 1_000)
  const offset = found[8] === undefined ? 0 : parseOffset(found[8])
  if (offset === undefined) return undefined
  const ms = days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1_000 + fraction - offset
  return ms < TIMESTAMP_MIN_MS || ms > TIMESTAMP_MAX_MS ? undefined : ms
}

/** `+02:00` in milliseconds; undefined when it is no offset. */
export function parseOffset(text: string): number | undefined {
  if (text === 'UTC' || text === 'Z') return 0
  const found = /^([+-])(\d\d):(\d\d)$/.exec(text)
  if (found === null || Number(found[2]) > 14 || Number(found[3]) > 59) return undefined
  return (found[1] === '-' ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3])) * 60_000
}

export function formatTimestamp(ms: number): string {
  const { year, month, day, hour, minute, second, millisecond } = civil(ms)
  const two = (value: number) => String(value).padStart(2, '0')
  const fraction = millisecond === 0 ? '' : `.${String(millisecond).padStart(3, '0')}`
  const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`
  return `${date}T${two(hour)}:${two(minute)}:${two(second)}${fraction}Z`
}
