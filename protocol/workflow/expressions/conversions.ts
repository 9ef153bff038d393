/** From one kind of value to another: `int("3")`, `duration("1h")`, `timestamp("2026-…")`. */
import { durationOf, timestampOf } from './arithmetic.ts'
import type { Budget } from './budget.ts'
import { parseTimestamp } from './calendar.ts'
import { type Duration, INT_MAX, INT_MIN, type Timestamp } from './values.ts'

export function intOfDouble(value: number, budget: Budget): bigint {
  const whole = Number.isFinite(value) ? BigInt(Math.trunc(value)) : INT_MAX + 1n
  if (whole < INT_MIN || whole > INT_MAX) budget.fails('overflow', `${value} is no int of 64 bits`)
  return whole
}

export function intOfText(text: string, budget: Budget): bigint {
  const whole = /^[+-]?\d{1,19}$/.test(text) ? BigInt(text.replace('+', '')) : INT_MAX + 1n
  if (whole < INT_MIN || whole > INT_MAX) {
    budget.fails('badConversion', `${shown(text)} is no int of 64 bits`)
  }
  return whole
}

export function doubleOfText(text: string, budget: Budget): number {
  const form = /^[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,5})?$/
  if (text === 'NaN') return Number.NaN
  if (/^[+-]?(Infinity|Inf)$/.test(text)) {
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  }
  if (!form.test(text)) budget.fails('badConversion', `${shown(text)} is no number`)
  return Number(text)
}

export function boolOfText(text: string, budget: Budget): boolean {
  const word = text.length > 5 ? '' : text.toLowerCase()
  if (word === 'true' || word === 't' || word === '1') return true
  if (word === 'false' || word === 'f' || word === '0') return false
  return budget.fails('badConversion', `${shown(text)} is neither true nor false`)
}

const unitsMs: Readonly<Record<string, number>> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 0.001,
  ns: 0.000_001,
}

/** As Go writes them, with `d` for days; what is left below a millisecond is refused. */
export function durationOfText(text: string, budget: Budget): Duration {
  const form = /^([+-]?)((?:\d{1,18}(?:\.\d{1,9})?(?:ns|us|ms|[dhms]))+)$/.exec(
    text.length > 60 ? '' : text,
  )
  if (form === null) {
    budget.fails(
      'badConversion',
      `${shown(text)} is no duration`,
      'write 500ms, 10s, 5m, 1h or 1h30m',
    )
  }
  let ms = 0
  for (const [, count, unit] of form[2]!.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|[dhms])/g)) {
    ms += Number(count) * unitsMs[unit!]!
  }
  const whole = Math.round(ms)
  if (Math.abs(whole - ms) > 1e-6) {
    budget.fails('badConversion', `${shown(text)} is not a whole number of milliseconds`)
  }
  return durationOf(form[1] === '-' ? -whole : whole, budget)
}

export function timestampOfText(text: string, budget: Budget): Timestamp {
  const ms = parseTimestamp(text)
  if (ms === undefined) {
    const hint = 'write 2026-01-31T12:00:00Z, or +01:00 in place of Z'
    budget.fails('badConversion', `${shown(text)} is no time`, hint)
  }
  return timestampOf(ms, budget)
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}
