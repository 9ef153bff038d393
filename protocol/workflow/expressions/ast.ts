/**
 * The tree of an expression: plain data. `at` is where in the source the node is pointed at when
 * something is wrong with it; it has no meaning beyond that.
 */
export type Literal = null | boolean | bigint | number | string

export const binaryOperators = {
  '||': 1,
  '&&': 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  in: 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
} as const

/** From loose to tight. All of one level lean to the left. */
export type BinaryOperator = keyof typeof binaryOperators
export type UnaryOperator = '!' | '-'

export const macros = ['all', 'exists', 'exists_one', 'map', 'filter'] as const
export type MacroName = (typeof macros)[number]

export function isMacro(name: string): name is MacroName {
  return (macros as readonly string[]).includes(name)
}

export type Expr =
  | { readonly kind: 'literal'; readonly at: number; readonly value: Literal }
  | { readonly kind: 'name'; readonly at: number; readonly name: string }
  | { readonly kind: 'select'; readonly at: number; readonly of: Expr; readonly field: string }
  | { readonly kind: 'has'; readonly at: number; readonly of: Expr; readonly field: string }
  | { readonly kind: 'index'; readonly at: number; readonly of: Expr; readonly key: Expr }
  | {
      readonly kind: 'call'
      readonly at: number
      readonly name: string
      /** Before the dot, where there is one. */
      readonly receiver?: Expr
      readonly args: readonly Expr[]
    }
  | {
      readonly kind: 'unary'
      readonly at: number
      readonly operator: UnaryOperator
      readonly of: Expr
    }
  | {
      readonly kind: 'binary'
      readonly at: number
      readonly operator: BinaryOperator
      readonly left: Expr
      readonly right: Expr
    }
  | {
      readonly kind: 'ternary'
      readonly at: number
      readonly condition: Expr
      readonly ifTrue: Expr
      readonly ifFalse: Expr
    }
  | { readonly kind: 'list'; readonly at: number; readonly items: readonly Expr[] }
  | {
      readonly kind: 'map'
      readonly at: number
      readonly entries: readonly { readonly key: Expr; readonly value: Expr }[]
    }
  | {
      readonly kind: 'macro'
      readonly at: number
      readonly macro: MacroName
      readonly over: Expr
      readonly variable: string
      /** The middle argument of `map(x, filter, transform)`. */
      readonly filter?: Expr
      readonly body: Expr
    }

export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'literal':
    case 'name':
      return []
    case 'select':
    case 'has':
    case 'unary':
      return [expr.of]
    case 'index':
      return [expr.of, expr.key]
    case 'call':
      return expr.receiver ? [expr.receiver, ...expr.args] : expr.args
    case 'binary':
      return [expr.left, expr.right]
    case 'ternary':
      return [expr.condition, expr.ifTrue, expr.ifFalse]
    case 'list':
      return expr.items
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value])
    case 'macro':
      return expr.filter ? [expr.over, expr.filter, expr.body] : [expr.over, expr.body]
  }
}

/** The first character of a tree; its own place may be an operator in the middle. */
export function startOf(expr: Expr): number {
  switch (expr.kind) {
    case 'binary':
      return startOf(expr.left)
    case 'select':
    case 'index':
      return startOf(expr.of)
    case 'call':
      return expr.receiver ? startOf(expr.receiver) : expr.at
    case 'macro':
      return startOf(expr.over)
    default:
      return expr.at
  }
}
