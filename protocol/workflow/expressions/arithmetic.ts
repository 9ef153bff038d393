/**
 * `+ - * / %` on values. Ints are checked for overflow, and division by zero is an error; doubles
 * follow IEEE 754. An int that meets a double at run time becomes one, because numbers of JSON are
 * doubles; where both types are known beforehand, the checker asks to say so.
 */
import type { Budget } from './budget.ts'
import { DURATION_MAX_MS, TIMESTAMP_MAX_MS, TIMESTAMP_MIN_MS } from './calendar.ts'
import { Duration, INT_MAX, INT_MIN, isList, kindOf, Timestamp, type Value } from './values.ts'

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%'

export function arithmetic(
  operator: ArithmeticOperator,
  a: Value,
  b: Value,
  budget: Budget,
): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint') return ofInts(operator, a, b, budget)
  const numbers = isNumber(a) && isNumber(b)
  if (numbers && operator !== '%') return ofDoubles(operator, Number(a), Number(b))
  const result =
    operator === '+' ? sum(a, b, budget) : operator === '-' ? difference(a, b, budget) : undefined
  if (result !== undefined) return result
  const hint = numbers ? 'take the remainder of ints: int(x) % 2' : hintFor(operator, a, b)
  const why = `there is no ${kindOf(a)} ${operator} ${kindOf(b)}`
  return budget.fails('noOverload', why, hint)
}

function hintFor(operator: ArithmeticOperator, a: Value, b: Value): string | undefined {
  const oneIsText = typeof a === 'string' || typeof b === 'string'
  return operator === '+' && oneIsText ? 'make a text of the other with string(x)' : undefined
}

export function isNumber(value: Value): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number'
}

function ofInts(operator: ArithmeticOperator, a: bigint, b: bigint, budget: Budget): bigint {
  if ((operator === '/' || operator === '%') && b === 0n) {
    budget.fails('divisionByZero', `${a} ${operator} 0 has no value`)
  }
  switch (operator) {
    case '+':
      return checkedInt(a + b, budget)
    case '-':
      return checkedInt(a - b, budget)
    case '*':
      return checkedInt(a * b, budget)
    case '/':
      return checkedInt(a / b, budget)
    case '%':
      return a % b
  }
}

export function checkedInt(value: bigint, budget: Budget): bigint {
  if (value < INT_MIN || value > INT_MAX) {
    budget.fails('overflow', 'the result does not fit 64 bits', 'compute with double(x)')
  }
  return value
}

function ofDoubles(operator: Exclude<ArithmeticOperator, '%'>, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
  }
}

function sum(a: Value, b: Value, budget: Budget): Value | undefined {
  if (typeof a === 'string' && typeof b === 'string') {
    budget.makesText(a.length + b.length)
    return a + b
  }
  if (isList(a) && isList(b)) {
    budget.makesElements(a.length + b.length)
    return [...a, ...b]
  }
  if (a instanceof Duration && b instanceof Duration) return durationOf(a.ms + b.ms, budget)
  if (a instanceof Timestamp && b instanceof Duration) return timestampOf(a.ms + b.ms, budget)
  if (a instanceof Duration && b instanceof Timestamp) return timestampOf(a.ms + b.ms, budget)
  return undefined
}

function difference(a: Value, b: Value, budget: Budget): Value | undefined {
  if (a instanceof Duration && b instanceof Duration) return durationOf(a.ms - b.ms, budget)
  if (a instanceof Timestamp && b instanceof Timestamp) return durationOf(a.ms - b.ms, budget)
  if (a instanceof Timestamp && b instanceof Duration) return timestampOf(a.ms - b.ms, budget)
  return undefined
}

export function durationOf(ms: number, budget: Budget): Duration {
  if (!(Math.abs(ms) <= DURATION_MAX_MS)) budget.fails('overflow', 'the duration is too long')
  return new Duration(ms)
}

export function timestampOf(ms: number, budget: Budget): Timestamp {
  if (!(ms >= TIMESTAMP_MIN_MS && ms <= TIMESTAMP_MAX_MS)) {
    budget.fails('overflow', 'the time is outside the years 1 to 9999')
  }
  return new Timestamp(ms)
}
