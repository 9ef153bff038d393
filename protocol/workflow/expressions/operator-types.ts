/** What operators make of types. Undefined where there is no such operation. */
import type { BinaryOperator } from './ast.ts'
import { bool, common, duration, dyn, fits, listOf, type Type, timestamp } from './types.ts'

const ordered = ['bool', 'int', 'double', 'string', 'duration', 'timestamp']
const numeric = ['int', 'double']

function isNumeric({ kind }: Type): boolean {
  return numeric.includes(kind)
}

export function resultOf(operator: BinaryOperator, a: Type, b: Type): Type | undefined {
  switch (operator) {
    case '&&':
    case '||':
      return fits(a, bool) && fits(b, bool) ? bool : undefined
    case '==':
    case '!=':
      return mayBeEqual(a, b) ? bool : undefined
    case 'in':
      return isContainer(b) && mayHold(b, a) ? bool : undefined
    case '<':
    case '<=':
    case '>':
    case '>=':
      return haveOrder(a, b) ? bool : undefined
    default:
      return arithmeticResult(operator, a, b)
  }
}

/** Of different kinds they never are, and somebody meant something else. */
function mayBeEqual(a: Type, b: Type): boolean {
  if (a.kind === 'null' || b.kind === 'null') return true
  return fits(a, b) || (isNumeric(a) && isNumeric(b))
}

function isContainer({ kind }: Type): boolean {
  return kind === 'list' || kind === 'map' || kind === 'object' || kind === 'dyn'
}

function mayHold(container: Type, item: Type): boolean {
  if (container.kind === 'list') return mayBeEqual(container.of, item)
  if (container.kind === 'map') return mayBeEqual(container.key, item)
  return container.kind !== 'object' || item.kind === 'string' || item.kind === 'dyn'
}

function haveOrder(a: Type, b: Type): boolean {
  if (a.kind === 'dyn' || b.kind === 'dyn') {
    return [a, b].every(({ kind }) => kind === 'dyn' || ordered.includes(kind))
  }
  return ordered.includes(a.kind) && (a.kind === b.kind || (isNumeric(a) && isNumeric(b)))
}

function arithmeticResult(
  operator: '+' | '-' | '*' | '/' | '%',
  a: Type,
  b: Type,
): Type | undefined {
  const kinds = `${a.kind} ${operator} ${b.kind}`
  if (a.kind === 'dyn' || b.kind === 'dyn') {
    const known = a.kind === 'dyn' ? b : a
    return takes(operator, known) ? dyn : undefined
  }
  if (a.kind === b.kind && isNumeric(a))
    return operator === '%' && a.kind === 'double' ? undefined : a
  if (operator === '+') {
    if (kinds === 'string + string') return a
    if (a.kind === 'list' && b.kind === 'list') return listOf(common(a.of, b.of))
    if (kinds === 'duration + duration') return duration
    if (kinds === 'timestamp + duration' || kinds === 'duration + timestamp') return timestamp
  }
  if (kinds === 'timestamp - timestamp' || kinds === 'duration - duration') return duration
  return kinds === 'timestamp - duration' ? timestamp : undefined
}

function takes(operator: '+' | '-' | '*' | '/' | '%', { kind }: Type): boolean {
  if (kind === 'dyn' || kind === 'int') return true
  if (kind === 'double') return operator !== '%'
  if (kind === 'duration' || kind === 'timestamp') return operator === '+' || operator === '-'
  return operator === '+' && (kind === 'string' || kind === 'list')
}
