/**
 * Templates with their values in: as JSON for what a step is given, and as a script with variables
 * for what a shell runs. A value never becomes part of a script's text.
 */

import { Budget } from './expressions/budget.ts'
import { attempt } from './expressions/errors.ts'
import { Evaluator } from './expressions/evaluator.ts'
import { type EvaluationLimits, expressionLimits } from './expressions/limits.ts'
import { onlyExpression, type Rendered } from './expressions/template.ts'
import { textOf } from './expressions/textual.ts'
import { entryAt, type Fields, isList, keysOf, kindOf, type Value } from './expressions/values.ts'
import type { Script } from './model.ts'
import type { Json } from './shape/shape.ts'
import type { JsonTemplate } from './shape/templates.ts'

/** One budget for the whole. Ints that JSON cannot hold exactly are a mistake, not another number. */
export function renderJson(
  template: JsonTemplate,
  names: Fields,
  limits: EvaluationLimits = expressionLimits,
): Rendered<Json> {
  const budget = new Budget(limits)
  return attempt(() => rendered(template, names, new Evaluator(budget), budget))
}

function rendered(
  template: JsonTemplate,
  names: Fields,
  evaluator: Evaluator,
  budget: Budget,
): Json {
  switch (template.kind) {
    case 'literal':
      return template.value
    case 'text': {
      const only = onlyExpression(template.template)
      if (only) return jsonFrom(evaluator.value(only, { names }), budget, 0)
      const parts = template.template.map((part) =>
        typeof part === 'string' ? part : textOf(evaluator.value(part, { names }), budget),
      )
      budget.makesText(parts.reduce((length, part) => length + part.length, 0))
      return parts.join('')
    }
    case 'list':
      return template.items.map((item) => rendered(item, names, evaluator, budget))
    case 'map':
      return Object.fromEntries(
        Object.entries(template.entries).map(([key, entry]) => [
          key,
          rendered(entry, names, evaluator, budget),
        ]),
      )
  }
}

/** A value as JSON: times and durations as their text, numbers that JSON has no word for as null. */
function jsonFrom(value: Value, budget: Budget, depth: number): Json {
  budget.spend(1)
  if (depth > expressionLimits.valueDepthMax) {
    budget.fails(
      'tooDeep',
      `values nested deeper than ${expressionLimits.valueDepthMax} are not handed on`,
    )
  }
  if (typeof value === 'bigint') {
    const number = Number(value)
    if (Number.isSafeInteger(number)) return number
    return budget.fails(
      'overflow',
      `${value} is no number that JSON holds exactly`,
      'hand on string(x)',
    )
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (isList(value)) return value.map((item) => jsonFrom(item, budget, depth + 1))
  if (kindOf(value) !== 'map') return textOf(value, budget)
  return Object.fromEntries(
    keysOf(value).map((key) => [String(key), jsonFrom(entryAt(value, key)!, budget, depth + 1)]),
  )
}

export interface RenderedScript {
  /** For the shell. */
  readonly text: string
  /** What the text refers to: for the environment of the shell. */
  readonly variables: Readonly<Record<string, string>>
}

const VARIABLE = 'SKEIN_VALUE_'

export function renderScript(
  { parts }: Script,
  names: Fields,
  limits: EvaluationLimits = expressionLimits,
): Rendered<RenderedScript> {
  const budget = new Budget(limits)
  return attempt(() => {
    const evaluator = new Evaluator(budget)
    const variables: Record<string, string> = {}
    let text = ''
    for (const part of parts) {
      if (typeof part === 'string') {
        text += part
        continue
      }
      const variable = `${VARIABLE}${Object.keys(variables).length + 1}`
      const value = textOf(evaluator.value(part.expr, { names }), budget)
      if (value.includes('\0')) {
        budget.fails('badConversion', 'the value holds a NUL, which no variable of a program can')
      }
      variables[variable] = value
      text += part.within === 'bare' ? `"\${${variable}}"` : `\${${variable}}`
    }
    return { text, variables }
  })
}
