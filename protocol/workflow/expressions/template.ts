/**
 * Texts with `${{ … }}` in them. A text that is one expression and nothing else has that
 * expression's value, whatever its kind; any other becomes a text. `$${{` stands for `${{`.
 */
import type { Expr } from './ast.ts'
import { Budget } from './budget.ts'
import { attempt, type ExpressionMistake } from './errors.ts'
import { Evaluator } from './evaluator.ts'
import { type EvaluationLimits, expressionLimits } from './limits.ts'
import { expressionUpToBraces } from './parser.ts'
import { printExpression } from './printer.ts'
import { textOf } from './textual.ts'
import type { Fields, Value } from './values.ts'

/** Texts and expressions in turn, no text empty; `at` of an expression counts from the whole. */
export type Template = readonly (string | Expr)[]

const OPEN = '${{'
const ESCAPED = '$${{'

export function parseTemplate(
  source: string,
): { ok: true; value: Template } | { ok: false; mistake: ExpressionMistake } {
  return attempt(() => {
    const parts: (string | Expr)[] = []
    let text = ''
    let from = 0
    for (;;) {
      const at = source.indexOf(OPEN, from)
      if (at < 0) break
      if (source[at - 1] === '$' && at > from) {
        text += source.slice(from, at - 1) + OPEN
        from = at + OPEN.length
        continue
      }
      text += source.slice(from, at)
      if (text !== '') parts.push(text)
      text = ''
      const { expr, end } = expressionUpToBraces(source, at + OPEN.length)
      parts.push(expr)
      from = end
    }
    text += source.slice(from)
    if (text !== '') parts.push(text)
    return parts
  })
}

export function printTemplate(template: Template): string {
  return template
    .map((part) =>
      typeof part === 'string'
        ? part.split(OPEN).join(ESCAPED)
        : `${OPEN} ${printExpression(part)} }}`,
    )
    .join('')
}

/** The expression that the template is, and nothing beside it. */
export function onlyExpression(template: Template): Expr | undefined {
  const [first] = template
  return template.length === 1 && typeof first !== 'string' ? first : undefined
}

/** The text without expressions; undefined when there are some. */
export function plainText(template: Template): string | undefined {
  if (template.length === 0) return ''
  return template.length === 1 && typeof template[0] === 'string' ? template[0] : undefined
}

export type Rendered<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly mistake: ExpressionMistake }

/** One budget for the whole text. */
export function renderText(
  template: Template,
  names: Fields,
  limits: EvaluationLimits = expressionLimits,
): Rendered<string> {
  const budget = new Budget(limits)
  return attempt(() => {
    const evaluator = new Evaluator(budget)
    let text = ''
    for (const part of template) {
      text += typeof part === 'string' ? part : textOf(evaluator.value(part, { names }), budget)
      budget.makesText(text.length)
    }
    return text
  })
}

export function renderValue(
  template: Template,
  names: Fields,
  limits: EvaluationLimits = expressionLimits,
): Rendered<Value> {
  const only = onlyExpression(template)
  if (only === undefined) return renderText(template, names, limits)
  return attempt(() => new Evaluator(new Budget(limits)).value(only, { names }))
}
