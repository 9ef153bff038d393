/** A tree as text, in one canonical way that reads back as the same tree. */
import { binaryOperators, type Expr, type Literal } from './ast.ts'
import { quoted } from './text-literal.ts'

/** Ternary 0, binary 1 to 5, unary 6, member 7. */
function levelOf(expr: Expr): number {
  if (expr.kind === 'ternary') return 0
  if (expr.kind === 'binary') return binaryOperators[expr.operator]
  return expr.kind === 'unary' ? 6 : 7
}

export function printExpression(expr: Expr): string {
  switch (expr.kind) {
    case 'literal':
      return literal(expr.value)
    case 'name':
      return expr.name
    case 'select':
      return `${receiver(expr.of)}.${expr.field}`
    case 'has':
      return `has(${receiver(expr.of)}.${expr.field})`
    case 'index':
      return `${receiver(expr.of)}[${printExpression(expr.key)}]`
    case 'call': {
      const before = expr.receiver ? `${receiver(expr.receiver)}.` : ''
      return `${before}${expr.name}(${expr.args.map(printExpression).join(', ')})`
    }
    case 'unary':
      return `${expr.operator}${operand(expr.of)}`
    case 'binary': {
      const level = levelOf(expr)
      return `${within(expr.left, level)} ${expr.operator} ${within(expr.right, level + 1)}`
    }
    case 'ternary':
      return `${within(expr.condition, 1)} ? ${within(expr.ifTrue, 1)} : ${printExpression(expr.ifFalse)}`
    case 'list':
      return `[${expr.items.map(printExpression).join(', ')}]`
    case 'map':
      return `{${expr.entries.map(({ key, value }) => `${printExpression(key)}: ${printExpression(value)}`).join(', ')}}`
    case 'macro': {
      const args = [expr.variable, ...(expr.filter ? [printExpression(expr.filter)] : [])]
      return `${receiver(expr.over)}.${expr.macro}(${[...args, printExpression(expr.body)].join(', ')})`
    }
  }
}

function within(expr: Expr, levelMin: number): string {
  const text = printExpression(expr)
  return levelOf(expr) < levelMin ? `(${text})` : text
}

/** A number would take the minus, or the dot, for its own. */
function operand(expr: Expr): string {
  return isNumber(expr) ? `(${printExpression(expr)})` : within(expr, 6)
}

function receiver(expr: Expr): string {
  return isNumber(expr) ? `(${printExpression(expr)})` : within(expr, 7)
}

function isNumber(expr: Expr): boolean {
  return (
    expr.kind === 'literal' && (typeof expr.value === 'bigint' || typeof expr.value === 'number')
  )
}

function literal(value: Literal): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'number') return String(value)
  if (Object.is(value, -0)) return '-0.0'
  const text = String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}
