/**
 * A judge of histories that is dumb on purpose: it tries every order of every choice of what took
 * effect, with every revision that what nobody heard of may have had. For a handful of operations.
 */
import type { Operation } from '../../simulations/checkers/operations.ts'

/** Less than what is between two revisions, however many are added up. */
const TINY = 0.001

interface Row {
  value: string | undefined
  revision: number
  last: number
}

export function isLinearizable(history: readonly Operation[]): boolean {
  const heard = history.filter(({ outcome }) => outcome.kind !== 'refused')
  const keys = new Set(heard.map(({ key }) => key))
  return [...keys].every((key) => {
    const operations = heard.filter((one) => one.key === key)
    return someOrder(
      operations,
      { value: undefined, revision: 0, last: 0 },
      revisionsSpokenOf(operations),
    )
  })
}

function someOrder(left: readonly Operation[], row: Row, revisions: readonly number[]): boolean {
  const mustReturn = left.filter(({ outcome }) => outcome.kind !== 'unknown')
  if (mustReturn.length === 0) return true
  const firstReturn = Math.min(...mustReturn.map(({ returnedAt }) => returnedAt as number))
  return left.some((next) => {
    if (next.invokedAt > firstReturn) return false
    const rest = left.filter((one) => one !== next)
    return rowsAfter(row, next, revisions).some((after) => someOrder(rest, after, revisions))
  })
}

function rowsAfter(row: Row, { op, outcome }: Operation, revisions: readonly number[]): Row[] {
  if (op.kind === 'get') {
    if (outcome.kind !== 'read') return [row]
    const same = outcome.value === row.value
    return same && (outcome.revision === undefined || outcome.revision === row.revision)
      ? [row]
      : []
  }
  const nothing = row.value === undefined
  if (op.kind === 'delete' && nothing)
    return outcome.kind === 'notFound' || outcome.kind === 'unknown' ? [row] : []
  if (op.expect !== undefined && op.expect !== row.revision) {
    if (outcome.kind === 'unknown') return [row]
    return outcome.kind === 'conflict' && outcome.revision === row.revision ? [row] : []
  }
  if (outcome.kind !== 'ok' && outcome.kind !== 'unknown') return []
  const told = outcome.kind === 'ok' ? outcome.revision : undefined
  // Of revisions that nobody speaks of, the next one leaves most open to those after it.
  const free = [...revisions, row.last + TINY]
  const used = (told === undefined ? free : [told]).filter((one) => one > row.last)
  if (op.kind === 'delete') {
    // The revision of a delete is nobody's.
    const last = told ?? row.last
    return used.length > 0 ? [{ value: undefined, revision: 0, last }] : []
  }
  return used.map((revision) => ({ value: op.value, revision, last: revision }))
}

function revisionsSpokenOf(operations: readonly Operation[]): number[] {
  const spoken = new Set<number>()
  for (const { op, outcome } of operations) {
    if (op.kind !== 'get' && op.expect !== undefined) spoken.add(op.expect)
    if ('revision' in outcome && outcome.revision !== undefined) spoken.add(outcome.revision)
  }
  return [...spoken]
}
