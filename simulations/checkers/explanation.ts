/**
 * Shows why a history has no order: its shortest beginning that has none, an order of what comes
 * before the last return of it, and what could have been next.
 */
import { checkerLimits } from './limits.ts'
import { describeOperation, type Operation } from './operations.ts'
import { pin } from './pinning.ts'
import { describeRegister } from './register.ts'
import { type Blocked, searchOrder } from './search.ts'

/** Of one key, when no order was found. */
export function explain(operations: readonly Operation[]): string[] {
  const end = shortestWithout(operations)
  const history = beginning(operations, end)
  const steps = checkerLimits.explanationStepsMax
  const searched = pin(history)
  const { furthestAt } = searchOrder(searched, { steps }, { foresight: false })
  const stopped = searchOrder(searched, { steps }, { foresight: false, stopAt: furthestAt })
  if (stopped.kind !== 'none')
    return ['no order explains these', ...history.map((one) => `  ${describeOperation(one)}`)]
  // Shown with what was answered later, for whoever looks for it elsewhere.
  const whole = new Map(operations.map((one) => [placeOf(one), one]))
  const shown = (one: Operation) => `  ${describeOperation(whole.get(placeOf(one)) ?? one)}`
  return linesOf(history, stopped, shown)
}

/** A client does one thing at a time. */
function placeOf({ client, invokedAt, op }: Operation): string {
  return `${client} ${invokedAt} ${op.kind}`
}

/** What had been asked when a return came, with what was answered until then. */
function beginning(operations: readonly Operation[], end: number): Operation[] {
  return operations
    .filter(({ invokedAt }) => invokedAt <= end)
    .map((one) => (returnOf(one) <= end ? one : { ...one, outcome: { kind: 'unknown' } as const }))
    .filter(({ op, outcome }) => op.kind !== 'get' || outcome.kind !== 'unknown')
}

/** The return after which there is none: longer beginnings have none either. */
function shortestWithout(operations: readonly Operation[]): number {
  const returns = [...new Set(operations.map(returnOf))].filter(Number.isFinite)
  returns.sort((a, b) => a - b)
  let low = 0
  let high = returns.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    const history = beginning(operations, returns[middle] as number)
    const steps = checkerLimits.explanationStepsMax
    const { kind } = searchOrder(pin(history), { steps }, { foresight: true })
    if (kind === 'none') high = middle
    else low = middle + 1
  }
  return returns[low] as number
}

function returnOf({ outcome, returnedAt }: Operation): number {
  return outcome.kind === 'unknown'
    ? Number.POSITIVE_INFINITY
    : (returnedAt ?? Number.POSITIVE_INFINITY)
}

function linesOf(
  operations: readonly Operation[],
  { blocked, order, register }: Blocked,
  shown: (one: Operation) => string,
): string[] {
  const max = checkerLimits.operationsShownMax
  const inOrder = new Set(order)
  const open = operations.filter((one) => one !== blocked && !inOrder.has(one))
  const left = order.length > max ? [`  … ${order.length - max} before these`] : []
  return [
    'an order that can be explained ends with',
    ...left,
    ...order.slice(-max).map(shown),
    `which leaves ${describeRegister(register)}`,
    ...(open.length > 0 ? ['these may come next, and do not help'] : []),
    ...open.slice(-max).map(shown),
    'and this one does not fit, in this order or any other',
    shown(blocked),
  ]
}
