/** Values as text: what `string(x)`, `json(x)` and `${{ … }}` inside a text make of them. */
import { formatDuration } from '../../units.ts'
import type { Budget } from './budget.ts'
import { formatTimestamp } from './calendar.ts'
import { expressionLimits as limits } from './limits.ts'
import { Duration, entryAt, isList, keysOf, kindOf, Timestamp, type Value } from './values.ts'

/** Lists and maps are written as JSON. */
export function textOf(value: Value, budget: Budget): string {
  if (typeof value === 'string') return value
  if (isList(value) || kindOf(value) === 'map') return jsonOf(value, budget)
  const text = scalarText(value)
  budget.makesText(text.length)
  return text
}

function scalarText(value: Value): string {
  if (value instanceof Timestamp) return formatTimestamp(value.ms)
  if (value instanceof Duration) {
    return value.ms < 0 ? `-${formatDuration(-value.ms)}` : formatDuration(value.ms)
  }
  return String(value)
}

export function jsonOf(value: Value, budget: Budget): string {
  const parts: string[] = []
  let length = 0
  const put = (text: string) => {
    length += text.length
    if (length > budget.limits.stringLengthMax) budget.makesText(length)
    budget.spendCharacters(text.length)
    parts.push(text)
  }
  write(value, put, budget, 0)
  return parts.join('')
}

function write(value: Value, put: (text: string) => void, budget: Budget, depth: number): void {
  budget.spend(1)
  if (depth > limits.valueDepthMax) {
    budget.fails('tooDeep', `values nested deeper than ${limits.valueDepthMax} are not written`)
  }
  if (isList(value)) {
    put('[')
    value.forEach((item, i) => {
      if (i > 0) put(',')
      write(item, put, budget, depth + 1)
    })
    put(']')
  } else if (kindOf(value) === 'map') {
    put('{')
    keysOf(value).forEach((key, i) => {
      put(`${i > 0 ? ',' : ''}${JSON.stringify(String(key))}:`)
      write(entryAt(value, key)!, put, budget, depth + 1)
    })
    put('}')
  } else if (typeof value === 'number') {
    // JSON has no word for the others.
    put(Number.isFinite(value) ? String(value) : 'null')
  } else if (value === null || typeof value === 'bigint' || typeof value === 'boolean') {
    put(String(value))
  } else put(JSON.stringify(typeof value === 'string' ? value : scalarText(value)))
}
