/**
 * The value of a tree. It may be wrong in its types, for data is only known now; whatever happens
 * is a value or a mistake with its place, after no more steps than the limits say.
 *
 * `&&`, `||`, `all` and `exists` are decided by whichever side can decide them, as CEL has it: an
 * error on the other side does not count. Running out of steps always does.
 */
import { type ArithmeticOperator, arithmetic, checkedInt } from './arithmetic.ts'
import type { Expr } from './ast.ts'
import { Budget } from './budget.ts'
import { compare, equal } from './comparing.ts'
import { ExpressionFailure, type ExpressionMistake } from './errors.ts'
import { paramsOf, rowsOf } from './functions.ts'
import { type EvaluationLimits, expressionLimits } from './limits.ts'
import { accepts } from './types.ts'
import {
  entryAt,
  type Fields,
  isList,
  type Key,
  keysOf,
  kindOf,
  sizeOf,
  type Value,
} from './values.ts'

export type Evaluated =
  | { readonly ok: true; readonly value: Value; readonly steps: number }
  | { readonly ok: false; readonly mistake: ExpressionMistake; readonly steps: number }

export function evaluate(
  expr: Expr,
  names: Fields,
  limits: EvaluationLimits = expressionLimits,
): Evaluated {
  const budget = new Budget(limits)
  try {
    return { ok: true, value: new Evaluator(budget).value(expr, { names }), steps: budget.steps }
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error
    return { ok: false, mistake: error.mistake, steps: budget.steps }
  }
}

interface Scope {
  readonly names: Fields
  readonly outer?: Scope
}

export class Evaluator {
  private readonly budget: Budget

  constructor(budget: Budget) {
    this.budget = budget
  }

  value(expr: Expr, scope: Scope): Value {
    this.budget.at = expr.at
    this.budget.spend(1)
    switch (expr.kind) {
      case 'literal':
        return expr.value
      case 'name':
        return this.named(expr.name, scope)
      case 'select':
        return this.field(expr, scope)
      case 'has':
        return this.entry(this.value(expr.of, scope), expr.field, expr.at) !== undefined
      case 'index':
        return this.element(expr, scope)
      case 'call':
        return this.call(expr, scope)
      case 'unary':
        return this.unary(expr, scope)
      case 'binary':
        return this.binary(expr, scope)
      case 'ternary':
        return this.bool(expr.condition, scope)
          ? this.value(expr.ifTrue, scope)
          : this.value(expr.ifFalse, scope)
      case 'list':
        return expr.items.map((item) => this.value(item, scope))
      case 'map':
        return this.map(expr, scope)
      case 'macro':
        return this.macro(expr, scope)
    }
  }

  private named(name: string, scope: Scope): Value {
    for (let here: Scope | undefined = scope; here; here = here.outer) {
      if (Object.hasOwn(here.names, name)) return here.names[name]!
    }
    return this.budget.fails('unknownName', `there is no ${name} here`)
  }

  private entry(of: Value, field: string, at: number): Value | undefined {
    this.budget.at = at
    if (kindOf(of) !== 'map') {
      this.budget.fails('noOverload', `${kindOf(of)} has no fields, so no .${field}`)
    }
    return entryAt(of, field)
  }

  private field({ of, field, at }: Expr & { kind: 'select' }, scope: Scope): Value {
    const found = this.entry(this.value(of, scope), field, at)
    if (found !== undefined) return found
    const hint = `ask first with has(….${field}), or take .get("${field}", otherwise)`
    return this.budget.fails('noSuchField', `there is no field ${field}`, hint)
  }

  private element({ of, key: keyExpr, at }: Expr & { kind: 'index' }, scope: Scope): Value {
    const container = this.value(of, scope)
    const key = this.value(keyExpr, scope)
    this.budget.at = at
    if (isList(container)) {
      const index = typeof key === 'bigint' || Number.isInteger(key) ? Number(key) : Number.NaN
      if (Number.isNaN(index)) this.budget.fails('noOverload', `a list is indexed by an int`)
      const found = index < 0 ? undefined : container[index]
      if (found !== undefined) return found
      const why = `there is no element ${index} in a list of ${container.length}`
      return this.budget.fails('outOfRange', why)
    }
    if (kindOf(container) !== 'map') {
      this.budget.fails('noOverload', `${kindOf(container)} has no elements`)
    }
    const found = entryAt(container, key)
    return (
      found ??
      (found === null ? null : this.budget.fails('noSuchKey', `no ${shown(key)} in the map`))
    )
  }

  private call(expr: Expr & { kind: 'call' }, scope: Scope): Value {
    const all = expr.receiver ? [expr.receiver, ...expr.args] : expr.args
    const args = all.map((arg) => this.value(arg, scope))
    const { budget } = this
    budget.at = expr.at
    const rows = rowsOf(expr.name, expr.receiver !== undefined)
    const row = rows.find((each) => {
      const params = paramsOf(each)
      return params.length === args.length && params.every((type, i) => accepts(type, args[i]!))
    })
    if (row) return row.run(args, budget)
    if (rows.length === 0) budget.fails('noOverload', `there is no function ${expr.name}`)
    const kinds = args.map(kindOf).join(', ')
    return budget.fails(
      'noOverload',
      `${expr.name} does not take ${kinds === '' ? 'nothing' : kinds}`,
    )
  }

  private unary({ operator, of, at }: Expr & { kind: 'unary' }, scope: Scope): Value {
    if (operator === '!') return !this.bool(of, scope)
    const value = this.value(of, scope)
    this.budget.at = at
    if (typeof value === 'bigint') return checkedInt(-value, this.budget)
    if (typeof value === 'number') return -value
    return this.budget.fails('noOverload', `there is no -${kindOf(value)}`)
  }

  private binary(expr: Expr & { kind: 'binary' }, scope: Scope): Value {
    const { operator, left, right, at } = expr
    if (operator === '&&')
      return this.decided(false, [left, right], (side) => this.bool(side, scope))
    if (operator === '||')
      return this.decided(true, [left, right], (side) => this.bool(side, scope))
    const a = this.value(left, scope)
    const b = this.value(right, scope)
    const { budget } = this
    budget.at = at
    switch (operator) {
      case '==':
        return equal(a, b, budget)
      case '!=':
        return !equal(a, b, budget)
      case 'in':
        return this.contains(a, b)
      case '<':
      case '<=':
      case '>':
      case '>=':
        return this.ordered(operator, a, b)
      default:
        return arithmetic(operator satisfies ArithmeticOperator, a, b, budget)
    }
  }

  private contains(item: Value, container: Value): boolean {
    if (isList(container)) return container.some((other) => equal(item, other, this.budget))
    if (kindOf(container) === 'map') return entryAt(container, item) !== undefined
    return this.budget.fails('noOverload', `${kindOf(container)} is no list or map to be in`)
  }

  private ordered(operator: '<' | '<=' | '>' | '>=', a: Value, b: Value): boolean {
    const order = compare(a, b, this.budget)
    if (order === undefined) {
      this.budget.fails('noOverload', `there is no ${kindOf(a)} ${operator} ${kindOf(b)}`)
    }
    if (operator === '<') return order < 0
    if (operator === '<=') return order <= 0
    return operator === '>' ? order > 0 : order >= 0
  }

  /** The answer of the first side that gives `decisive`; else the first error; else its opposite. */
  private decided<T>(decisive: boolean, sides: Iterable<T>, ask: (side: T) => boolean): boolean {
    let error: ExpressionFailure | undefined
    for (const side of sides) {
      try {
        if (ask(side) === decisive) return decisive
      } catch (caught) {
        if (!(caught instanceof ExpressionFailure) || caught.mistake.code === 'tooCostly')
          throw caught
        error ??= caught
      }
    }
    if (error) throw error
    return !decisive
  }

  private bool(expr: Expr, scope: Scope): boolean {
    const value = this.value(expr, scope)
    this.budget.at = expr.at
    if (typeof value === 'boolean') return value
    return this.budget.fails('noOverload', `${kindOf(value)} stands where true or false should be`)
  }

  private map({ entries }: Expr & { kind: 'map' }, scope: Scope): Value {
    const map = new Map<Key, Value>()
    for (const { key: keyExpr, value } of entries) {
      const key = this.value(keyExpr, scope)
      this.budget.at = keyExpr.at
      if (typeof key !== 'string' && typeof key !== 'bigint' && typeof key !== 'boolean') {
        this.budget.fails('noOverload', `${kindOf(key)} is no key: take a string, an int or a bool`)
      }
      if (map.has(key)) this.budget.fails('noSuchKey', `the key ${shown(key)} stands twice`)
      map.set(key, this.value(value, scope))
    }
    return map
  }

  private macro(expr: Expr & { kind: 'macro' }, scope: Scope): Value {
    const { macro, variable, body, filter } = expr
    const items = this.items(expr, scope)
    const inner = (item: Value): Scope => ({ names: { [variable]: item }, outer: scope })
    const holds = (item: Value) => this.bool(body, inner(item))
    if (macro === 'all') return this.decided(false, items, holds)
    if (macro === 'exists') return this.decided(true, items, holds)
    if (macro === 'exists_one') return items.filter(holds).length === 1
    const result: Value[] = []
    for (const item of items) {
      const isKept = macro === 'filter' ? holds(item) : !filter || this.bool(filter, inner(item))
      if (isKept) result.push(macro === 'filter' ? item : this.value(body, inner(item)))
    }
    return result
  }

  /** The elements of a list or the keys of a map. */
  private items({ over, macro, at }: Expr & { kind: 'macro' }, scope: Scope): readonly Value[] {
    const container = this.value(over, scope)
    this.budget.at = at
    if (isList(container)) return container
    if (kindOf(container) !== 'map') {
      this.budget.fails(
        'noOverload',
        `${macro} goes over a list or a map, not ${kindOf(container)}`,
      )
    }
    this.budget.makesElements(sizeOf(container))
    return keysOf(container)
  }
}

function shown(value: Value): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
