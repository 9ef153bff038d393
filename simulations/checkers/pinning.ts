/**
 * When each operation must have had its effect, at the latest. Where nobody heard what became of a
 * write, a value that was written once and read pins it: it took effect, before that read returned.
 */
import type { Operation } from './operations.ts'
import type { Searched } from './search.ts'

/** With the latest moment at which each took effect, as far as there is one. */
export function pin(operations: readonly Operation[]): Searched[] {
  const writes = new Map<string, number>()
  const firstRead = new Map<string, number>()
  for (const { op, outcome, returnedAt } of operations) {
    if (op.kind === 'put') writes.set(op.value, (writes.get(op.value) ?? 0) + 1)
    if (outcome.kind !== 'read' || outcome.value === undefined || returnedAt === undefined) continue
    const { value } = outcome
    firstRead.set(value, Math.min(firstRead.get(value) ?? Number.POSITIVE_INFINITY, returnedAt))
  }
  return operations.map((operation) => {
    const { op, outcome, invokedAt } = operation
    if (outcome.kind !== 'unknown')
      return { operation, invokedAt, returnedAt: operation.returnedAt, likeness: '' }
    const read = op.kind === 'put' ? firstRead.get(op.value) : undefined
    // Read before it was written: no order explains that, and the read itself is to say so.
    const pins = op.kind === 'put' && writes.get(op.value) === 1 && (read ?? -1) >= invokedAt
    const likeness = likenessOf(operation, read !== undefined)
    return { operation, invokedAt, returnedAt: pins ? read : undefined, likeness }
  })
}

/** What was never read may as well have been any other value. */
function likenessOf({ op }: Operation, wasRead: boolean): string {
  if (op.kind === 'get') return op.kind
  const value = op.kind === 'put' && wasRead ? `=${op.value}` : ''
  return `${op.kind} ${op.expect ?? ''} ${value}`
}
