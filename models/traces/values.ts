/** Values of a document that nobody has looked at yet. Undefined where they are wrong, and told. */
import { type Path, quote } from '../../protocol/workflow/mistake.ts'
import type { Findings } from './findings.ts'
import { traceLimits as limits } from './limits.ts'

export type Untrusted = { readonly [key: string]: unknown }

export function objectAt(
  value: unknown,
  path: Path,
  findings: Findings,
  fix: string,
): Untrusted | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Untrusted
  findings.add(path, `an object is needed, not ${kindName(value)}`, fix)
  return undefined
}

export function listAt(
  value: unknown,
  path: Path,
  findings: Findings,
): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value
  findings.add(path, `a list is needed, not ${kindName(value)}`, 'write it in brackets')
  return undefined
}

/** Neither empty nor longer than an id may be. */
export function textAt(value: unknown, path: Path, findings: Findings): string | undefined {
  if (typeof value !== 'string') {
    findings.add(path, `a text is needed, not ${kindName(value)}`, 'write it in double quotes')
  } else if (value === '') {
    findings.add(path, 'it is empty', 'give it a name')
  } else if (value.length > limits.idLengthMax) {
    const why = `it has ${value.length} letters, and may have ${limits.idLengthMax}`
    findings.add(path, why, 'give it a shorter name')
  } else return value
  return undefined
}

/** Absent is an empty list. Of those that are wrong, the first is told. */
export function textsAt(value: unknown, path: Path, findings: Findings): readonly string[] {
  const list = value === undefined ? [] : listAt(value, path, findings)
  const wrong = list?.findIndex((each) => typeof each !== 'string' || each === '') ?? -1
  if (list === undefined || wrong < 0) return (list ?? []) as readonly string[]
  textAt(list[wrong], [...path, wrong], findings)
  return []
}

/** Absent where it may be is no mistake. */
export function amountAt(
  value: unknown,
  path: Path,
  findings: Findings,
  max: number,
): number | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'number') {
    findings.add(path, `a number is needed, not ${kindName(value)}`, 'write it without quotes')
  } else if (!(value >= 0 && value <= max)) {
    findings.add(path, `it is ${value}, and can be 0 to ${max}`, 'correct it, or take it away')
  } else return value
  return undefined
}

function kindName(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return `the text ${quote(value)}`
  return typeof value === 'object' ? 'an object' : String(value)
}
