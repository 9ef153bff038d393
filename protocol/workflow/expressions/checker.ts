/**
 * Finds what is wrong with a tree before there are values: unknown names and fields, calls and
 * operators that cannot work, patterns and times that are none. It says all it finds, and only what
 * is certainly wrong: what is `dyn` is left to the evaluation.
 */
import { nearest } from '../../nearest.ts'
import { type Expr, macros } from './ast.ts'
import { Budget } from './budget.ts'
import { attempt, type ExpressionMistake, type TypeCode } from './errors.ts'
import { functionNames, paramsOf, rowsOf } from './functions.ts'
import { expressionLimits } from './limits.ts'
import { resultOf } from './operator-types.ts'
import { Regex } from './regex.ts'
import {
  bool,
  common,
  dyn,
  fits,
  listOf,
  nullType,
  type ObjectType,
  string,
  type Type,
  typeName,
} from './types.ts'
import { kindOf } from './values.ts'

export interface Checked {
  readonly type: Type
  readonly mistakes: readonly ExpressionMistake[]
}

/** `scope` holds the names that may be used; its own name is for messages. */
export function checkExpression(expr: Expr, scope: ObjectType): Checked {
  const checker = new Checker(scope)
  return { type: checker.typeOf(expr, undefined), mistakes: checker.mistakes }
}

/** What macros bind, innermost first. */
interface Bound {
  readonly name: string
  readonly type: Type
  readonly outer: Bound | undefined
}

/** Functions whose argument can be judged when it is written out. */
const judged = ['int', 'double', 'bool', 'duration', 'timestamp']

class Checker {
  readonly mistakes: ExpressionMistake[] = []
  private readonly scope: ObjectType

  constructor(scope: ObjectType) {
    this.scope = scope
  }

  typeOf(expr: Expr, bound: Bound | undefined): Type {
    switch (expr.kind) {
      case 'literal':
        return expr.value === null ? nullType : ({ kind: kindOf(expr.value) } as Type)
      case 'name':
        return this.name(expr, bound)
      case 'select':
        return this.field(this.typeOf(expr.of, bound), expr.field, expr.at)
      case 'has':
        this.mayHaveFields(this.typeOf(expr.of, bound), expr.field, expr.at)
        return bool
      case 'index':
        return this.element(expr, bound)
      case 'call':
        return this.call(expr, bound)
      case 'unary':
        return this.unary(expr, bound)
      case 'binary':
        return this.binary(expr, bound)
      case 'ternary':
        this.expect(bool, expr.condition, bound, 'before ?')
        return common(this.typeOf(expr.ifTrue, bound), this.typeOf(expr.ifFalse, bound))
      case 'list':
        return listOf(this.commonOf(expr.items, bound))
      case 'map': {
        const key = this.commonOf(
          expr.entries.map((entry) => entry.key),
          bound,
        )
        const value = this.commonOf(
          expr.entries.map((entry) => entry.value),
          bound,
        )
        return { kind: 'map', key, value }
      }
      case 'macro':
        return this.macro(expr, bound)
    }
  }

  private refuse(code: TypeCode, at: number, why: string, hint?: string): Type {
    this.mistakes.push({ code, at, why, ...(hint === undefined ? {} : { hint }) })
    return dyn
  }

  private commonOf(exprs: readonly Expr[], bound: Bound | undefined): Type {
    const types = exprs.map((expr) => this.typeOf(expr, bound))
    return types.length === 0 ? dyn : types.reduce(common)
  }

  private name({ name, at }: Expr & { kind: 'name' }, bound: Bound | undefined): Type {
    const names: string[] = []
    for (let here = bound; here; here = here.outer) {
      if (here.name === name) return here.type
      names.push(here.name)
    }
    const type = this.scope.field(name)
    if (type !== undefined) return type
    const guess = nearest(name, [...names, ...this.scope.fields()])
    const known = [...this.scope.fields()].join(', ')
    const hint =
      this.scope.advise?.(name) ??
      (guess === undefined ? `there are ${known}` : `did you mean ${guess}?`)
    return this.refuse('unknownName', at, `there is no ${name} ${this.scope.name}`, hint)
  }

  private field(of: Type, field: string, at: number): Type {
    if (of.kind !== 'object') return this.mayHaveFields(of, field, at)
    const type = of.field(field)
    if (type !== undefined) return type
    const guess = nearest(field, of.fields())
    const hint = of.advise?.(field) ?? (guess === undefined ? listed(of) : `did you mean ${guess}?`)
    return this.refuse('unknownField', at, `${of.name} has no ${field}`, hint)
  }

  private mayHaveFields(of: Type, field: string, at: number): Type {
    if (of.kind === 'map') return of.value
    if (of.kind === 'dyn') return dyn
    if (of.kind === 'object') return of.field(field) ?? dyn
    return this.refuse('wrongType', at, `${typeName(of)} has no fields, so no .${field}`)
  }

  private element({ of, key, at }: Expr & { kind: 'index' }, bound: Bound | undefined): Type {
    const container = this.typeOf(of, bound)
    const index = this.typeOf(key, bound)
    if (container.kind === 'object' && key.kind === 'literal' && typeof key.value === 'string') {
      return this.field(container, key.value, key.at)
    }
    if (container.kind === 'list') {
      if (!['int', 'double', 'dyn'].includes(index.kind)) {
        return this.refuse('wrongType', key.at, `a list is indexed by int, not ${typeName(index)}`)
      }
      return container.of
    }
    if (container.kind === 'map' && fits(index, container.key)) return container.value
    if (container.kind === 'map' || container.kind === 'object') {
      if (container.kind === 'object' && fits(index, string)) return dyn
      const why = `${typeName(container)} has no keys of ${typeName(index)}`
      return this.refuse('wrongType', key.at, why)
    }
    if (container.kind === 'dyn') return dyn
    return this.refuse('wrongType', at, `${typeName(container)} has no elements`)
  }

  private call(expr: Expr & { kind: 'call' }, bound: Bound | undefined): Type {
    const { name, receiver, args, at } = expr
    const types = (receiver ? [receiver, ...args] : args).map((arg) => this.typeOf(arg, bound))
    const rows = rowsOf(name, receiver !== undefined)
    if (rows.length === 0) return this.unknownFunction(expr)
    const fitting = rows.filter((row) => {
      const params = paramsOf(row)
      return params.length === types.length && params.every((param, i) => fits(types[i]!, param))
    })
    if (fitting.length === 0) {
      const before = receiver ? `${typeName(types[0]!)}.` : ''
      const given = types.slice(receiver ? 1 : 0).map(typeName)
      const why = `there is no ${before}${name}(${given.join(', ')})`
      const forms = rows.slice(0, 4).map((row) => {
        const on = row.receiver ? `${typeName(row.receiver)}.` : ''
        return `${on}${name}(${row.params.map(typeName).join(', ')})`
      })
      return this.refuse('wrongType', at, why, `there is ${forms.join(', ')}`)
    }
    this.judge(expr)
    return fitting.map(({ result }) => result).reduce(common)
  }

  private unknownFunction({ name, receiver, args, at }: Expr & { kind: 'call' }): Type {
    const isMethod = receiver !== undefined
    const why = `there is no function ${name}`
    if (rowsOf(name, !isMethod).length > 0) {
      const hint = isMethod ? `write ${name}(x)` : `write x.${name}(${args.length > 1 ? '…' : ''})`
      return this.refuse('unknownFunction', at, why, hint)
    }
    const guess = nearest(name, [...functionNames, ...macros, 'has'])
    const hint = guess === undefined ? undefined : `did you mean ${guess}?`
    return this.refuse('unknownFunction', at, why, hint)
  }

  private judge({ name, args }: Expr & { kind: 'call' }): void {
    const last = args.at(-1)
    if (last?.kind !== 'literal' || typeof last.value !== 'string') return
    const { value, at } = last
    if (name === 'matches') {
      const pattern = Regex.of(value)
      if (!pattern.ok) this.refuse('badPattern', at, `the pattern is wrong: ${pattern.why}`)
    }
    if (args.length !== 1 || !judged.includes(name)) return
    const row = rowsOf(name, false).find(({ params }) => params[0]!.kind === 'string')
    const tried = attempt(() => row?.run([value], new Budget(expressionLimits)))
    if (!tried.ok) this.refuse('wrongType', at, tried.mistake.why, tried.mistake.hint)
  }

  private unary({ operator, of, at }: Expr & { kind: 'unary' }, bound: Bound | undefined): Type {
    if (operator === '!') {
      this.expect(bool, of, bound, 'after !')
      return bool
    }
    const type = this.typeOf(of, bound)
    if (['int', 'double', 'dyn'].includes(type.kind)) return type
    return this.refuse('wrongType', at, `there is no -${typeName(type)}`)
  }

  private binary(expr: Expr & { kind: 'binary' }, bound: Bound | undefined): Type {
    const { operator, left, right, at } = expr
    if (operator === '&&' || operator === '||') {
      this.expect(bool, left, bound, `before ${operator}`)
      this.expect(bool, right, bound, `after ${operator}`)
      return bool
    }
    const before = this.mistakes.length
    const a = this.typeOf(left, bound)
    // `stages.deploy-prod` is one name to whoever wrote it, and one mistake.
    if (operator === '-' && this.mistakes.length > before) return dyn
    const b = this.typeOf(right, bound)
    const result = resultOf(operator, a, b)
    if (result !== undefined) return result
    const hint = hintFor(operator, a, b)
    return this.refuse(
      'wrongType',
      at,
      `there is no ${typeName(a)} ${operator} ${typeName(b)}`,
      hint,
    )
  }

  private expect(wanted: Type, expr: Expr, bound: Bound | undefined, where: string): void {
    const type = this.typeOf(expr, bound)
    if (fits(type, wanted)) return
    this.refuse(
      'wrongType',
      expr.at,
      `${typeName(type)} stands ${where}, and it takes ${typeName(wanted)}`,
    )
  }

  private macro(expr: Expr & { kind: 'macro' }, bound: Bound | undefined): Type {
    const { macro, variable, filter, body } = expr
    const inner: Bound = { name: variable, type: this.elementOf(expr, bound), outer: bound }
    if (filter) this.expect(bool, filter, inner, `as the filter of ${macro}`)
    if (macro === 'map') return listOf(this.typeOf(body, inner))
    this.expect(bool, body, inner, `in ${macro}`)
    return macro === 'filter' ? listOf(inner.type) : bool
  }

  private elementOf({ over, macro, at }: Expr & { kind: 'macro' }, bound: Bound | undefined): Type {
    const type = this.typeOf(over, bound)
    if (type.kind === 'list') return type.of
    if (type.kind === 'map') return type.key
    if (type.kind === 'object') return string
    if (type.kind === 'dyn') return dyn
    return this.refuse('wrongType', at, `${macro} goes over a list or a map, not ${typeName(type)}`)
  }
}

function hintFor(operator: string, a: Type, b: Type): string | undefined {
  const kinds = [a.kind, b.kind]
  if (kinds.includes('int') && kinds.includes('double')) return 'write double(x) around the int'
  if (operator === '%' && kinds.includes('double')) return 'write int(x) around the double'
  if (operator === '+' && kinds.includes('string')) return 'write string(x) around the other'
  if (kinds.includes('string') && (kinds.includes('int') || kinds.includes('double'))) {
    return 'write the number without quotes, or int(x) around the text'
  }
  return undefined
}

function listed(of: ObjectType): string {
  const fields = [...of.fields()]
  if (fields.length === 0) return `${of.name} has no fields`
  const more = fields.length > 8 ? `, … (${fields.length} in all)` : ''
  return `there are ${fields.slice(0, 8).join(', ')}${more}`
}
