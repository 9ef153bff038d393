/**
 * Whether a history of clients could have come from one copy of the store that did one thing at a
 * time, each between its invocation and its return. Keys are independent, so each is searched for
 * itself.
 *
 * What became of some operations is unknown. Where every value is written once, a value that was
 * read pins its write: it took effect, and before that read returned. A write that nobody ever saw
 * is left out at first, which is always allowed; only when no order is found without it is it tried.
 */
import { checkerLimits } from './limits.ts'
import { describeOperation, type Operation } from './operations.ts'
import { describeRegister } from './register.ts'
import { type Budget, type Found, type Searched, searchOrder } from './search.ts'

export type { Operation } from './operations.ts'

export type Verdict =
  | { readonly kind: 'linearizable' }
  /** The lines end with the first return that no order explains. */
  | { readonly kind: 'violation'; readonly key: string; readonly explanation: readonly string[] }
  /** The search was given up, at this key. */
  | { readonly kind: 'undecided'; readonly key: string }

export interface SearchOptions {
  /** Tries, for the whole history. */
  readonly stepsMax: number
}

export function checkLinearizable(
  history: readonly Operation[],
  { stepsMax }: SearchOptions = { stepsMax: checkerLimits.searchStepsMax },
): Verdict {
  const budget = { steps: stepsMax }
  for (const [key, operations] of byKey(history)) {
    const found = searchKey(operations, budget)
    if (found.kind === 'undecided') return { kind: 'undecided', key }
    if (found.kind === 'none')
      return { kind: 'violation', key, explanation: explain(operations, found) }
  }
  return { kind: 'linearizable' }
}

/** Without what had no effect and told nobody anything. */
function byKey(history: readonly Operation[]): Map<string, Operation[]> {
  const keys = new Map<string, Operation[]>()
  for (const operation of history) {
    const { key, op, outcome } = operation
    if (outcome.kind === 'refused') continue
    if (outcome.kind === 'unknown' && op.kind === 'get') continue
    const known = keys.get(key)
    if (known) known.push(operation)
    else keys.set(key, [operation])
  }
  return keys
}

function searchKey(operations: readonly Operation[], budget: Budget): Found {
  const pinned = pin(operations)
  const seen = pinned.filter(
    ({ operation, returnedAt }) => returnedAt !== undefined || operation.op.kind === 'delete',
  )
  if (seen.length === 0) return { kind: 'order' }
  const found = searchOrder(seen, budget)
  return found.kind === 'none' && seen.length < pinned.length ? searchOrder(pinned, budget) : found
}

/** With the latest moment at which each took effect, as far as there is one. */
function pin(operations: readonly Operation[]): Searched[] {
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

function explain(
  operations: readonly Operation[],
  { blocked, order, register }: Extract<Found, { kind: 'none' }>,
): string[] {
  const max = checkerLimits.operationsShownMax
  const end = blocked.returnedAt ?? Number.POSITIVE_INFINITY
  const inOrder = new Set(order)
  const open = operations.filter((one) => one.invokedAt <= end && !inOrder.has(one))
  const left = order.length > max ? [`… ${order.length - max} before these`] : []
  return [
    'the longest order that can be explained ends with',
    ...left,
    ...order.slice(-max).map((one) => `  ${describeOperation(one)}`),
    `which leaves ${describeRegister(register)}; none of these can be next`,
    ...open.slice(-max).map((one) => `  ${describeOperation(one)}`),
    'and this one must have been by its return',
    `  ${describeOperation(blocked)}`,
  ]
}
