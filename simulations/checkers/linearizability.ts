/**
 * Whether a history of clients could have come from one copy of the store that did one thing at a
 * time, each between its invocation and its return. Keys are independent, so each is searched for
 * itself.
 *
 * A write of which nothing is known, and that nobody ever saw, is left out at first, which is always
 * allowed; only when no order is found without it is it tried.
 */

import { explain } from './explanation.ts'
import { checkerLimits } from './limits.ts'
import type { Operation } from './operations.ts'
import { pin } from './pinning.ts'
import { type Budget, type Found, searchOrder } from './search.ts'

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
    if (found === 'undecided') return { kind: 'undecided', key }
    if (found === 'none') return { kind: 'violation', key, explanation: explain(operations) }
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

function searchKey(operations: readonly Operation[], budget: Budget): Found['kind'] {
  const pinned = pin(operations)
  const seen = pinned.filter(
    ({ operation, returnedAt }) => returnedAt !== undefined || operation.op.kind === 'delete',
  )
  const { kind } = searchOrder(seen, budget, { foresight: true })
  if (kind !== 'none' || seen.length === pinned.length) return kind
  return searchOrder(pinned, budget, { foresight: true }).kind
}
