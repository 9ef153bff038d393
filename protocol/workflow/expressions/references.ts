/**
 * What an expression reads of the names around it, as far as it says so: `stages.build.outputs` and
 * `stages["build"]` read `build` of `stages`; `stages[inputs.x]` reads all of it.
 */
import { childrenOf, type Expr } from './ast.ts'

export interface Reference {
  readonly name: string
  /** Undefined when the whole, or what cannot be known yet, is read. */
  readonly field: string | undefined
  readonly at: number
}

export function referencesOf(expr: Expr): Reference[] {
  const found: Reference[] = []
  collect(expr, [], found)
  return found
}

function collect(expr: Expr, bound: readonly string[], found: Reference[]): void {
  const [name, field] = namedBy(expr)
  if (name !== undefined) {
    if (!bound.includes(name)) found.push({ name, field, at: expr.at })
    if (expr.kind !== 'index') return
    collect(expr.key, bound, found)
    return
  }
  if (expr.kind === 'macro') {
    collect(expr.over, bound, found)
    const inner = [...bound, expr.variable]
    if (expr.filter) collect(expr.filter, inner, found)
    collect(expr.body, inner, found)
    return
  }
  for (const child of childrenOf(expr)) collect(child, bound, found)
}

function namedBy(expr: Expr): [string?, string?] {
  if (expr.kind === 'name') return [expr.name]
  if ((expr.kind === 'select' || expr.kind === 'has') && expr.of.kind === 'name') {
    return [expr.of.name, expr.field]
  }
  if (expr.kind === 'index' && expr.of.kind === 'name') {
    const { key } = expr
    const isKnown = key.kind === 'literal' && typeof key.value === 'string'
    return isKnown ? [expr.of.name, key.value as string] : [expr.of.name]
  }
  return []
}
