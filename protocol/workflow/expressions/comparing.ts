/**
 * Equality and order. Ints and doubles compare as the numbers they are; values of different kinds
 * are unequal, and have no order.
 */
import type { Budget } from './budget.ts'
import { expressionLimits as limits } from './limits.ts'
import {
  Duration,
  entryAt,
  isList,
  keysOf,
  kindOf,
  sizeOf,
  Timestamp,
  type Value,
} from './values.ts'

export function equal(a: Value, b: Value, budget: Budget, depth = 0): boolean {
  budget.spend(1)
  if (depth > limits.valueDepthMax) {
    budget.fails('tooDeep', `values nested deeper than ${limits.valueDepthMax} are not compared`)
  }
  if (typeof a === 'string' && typeof b === 'string') {
    budget.spendCharacters(Math.min(a.length, b.length))
    return a === b
  }
  // biome-ignore lint/suspicious/noDoubleEquals: 1n == 1 is exactly what is meant.
  if (isNumber(a) && isNumber(b)) return a == b
  if (a instanceof Duration && b instanceof Duration) return a.ms === b.ms
  if (a instanceof Timestamp && b instanceof Timestamp) return a.ms === b.ms
  if (isList(a) && isList(b)) {
    return a.length === b.length && a.every((item, i) => equal(item, b[i]!, budget, depth + 1))
  }
  if (kindOf(a) !== 'map' || kindOf(b) !== 'map') return a === b
  return (
    sizeOf(a) === sizeOf(b) &&
    keysOf(a).every((key) => {
      const other = entryAt(b, key)
      return other !== undefined && equal(entryAt(a, key)!, other, budget, depth + 1)
    })
  )
}

/** Below, at or above zero; NaN where a number is none; undefined where there is no order. */
export function compare(a: Value, b: Value, budget: Budget): number | undefined {
  if (isNumber(a) && isNumber(b)) {
    if (Number.isNaN(Number(a)) || Number.isNaN(Number(b))) return Number.NaN
    return a < b ? -1 : a > b ? 1 : 0
  }
  if (typeof a === 'string' && typeof b === 'string') {
    budget.spendCharacters(Math.min(a.length, b.length))
    return byCodePoint(a, b)
  }
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  if (a instanceof Duration && b instanceof Duration) return a.ms - b.ms
  if (a instanceof Timestamp && b instanceof Timestamp) return a.ms - b.ms
  return undefined
}

/** JavaScript orders halves of pairs, which puts U+1F600 before U+FFFD. */
function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const isPairX = x >= 0xd800 && x <= 0xdfff
    const isPairY = y >= 0xd800 && y <= 0xdfff
    return isPairX === isPairY ? x - y : isPairX ? 1 : -1
  }
  return a.length - b.length
}

function isNumber(value: Value): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number'
}
