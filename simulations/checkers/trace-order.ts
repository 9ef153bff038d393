/**
 * Did a run do what a trace in WfFormat says: every task once to success, and none begun before all
 * its parents had ended? It reads the trace by itself and knows nothing of the workflow that was
 * made of it, so that a need that an import has lost is found as well.
 *
 * Tells all that is wrong, which is no more than the trace has tasks and pairs, and the history
 * attempts.
 */
import { assert } from '../../protocol/assert.ts'
import { type Violation, violation } from './violation.ts'

const ONCE = 'every task once'
const PARENTS_FIRST = 'parents first'
const SENSE = 'a history that can be'

/** Moments are of one clock, or places in one ledger. */
export interface TaskAttempt {
  readonly startedAt: number
  /** Absent when nobody has seen its end. */
  readonly endedAt?: number
  readonly succeeded: boolean
}

export interface TaskRun {
  /** The id of the task in the trace. */
  readonly task: string
  readonly attempts: readonly TaskAttempt[]
}

export function traceOrderViolations(trace: unknown, history: readonly TaskRun[]): Violation[] {
  const parents = parentsIn(trace)
  const attempts = new Map([...parents.keys()].map((task): [string, TaskAttempt[]] => [task, []]))
  const wrong: Violation[] = []
  for (const { task, attempts: more } of history) {
    const known = attempts.get(task)
    if (known === undefined) wrong.push(violation(SENSE, `${task} ran and is in no trace`))
    else known.push(...more)
  }
  for (const [task, tries] of attempts)
    wrong.push(...senseless(task, tries), ...notOnce(task, tries))
  const doneAt = new Map([...attempts].map(([task, tries]) => [task, firstSuccess(tries)]))
  for (const [task, tries] of attempts) {
    for (const parent of parents.get(task)!) {
      wrong.push(...tooEarly(task, tries, parent, doneAt.get(parent)))
    }
  }
  return wrong
}

function senseless(task: string, attempts: readonly TaskAttempt[]): Violation[] {
  return attempts
    .filter(({ startedAt, endedAt, succeeded }) => {
      if (endedAt === undefined) return succeeded || !Number.isFinite(startedAt)
      // What is no number is in no order with anything.
      return !(startedAt <= endedAt)
    })
    .map((attempt) => violation(SENSE, `an attempt of ${task} cannot have been`, [shown(attempt)]))
}

function notOnce(task: string, attempts: readonly TaskAttempt[]): Violation[] {
  const lines = attempts.map(shown)
  const successes = attempts.filter(({ succeeded }) => succeeded).length
  if (attempts.length === 0) return [violation(ONCE, `${task} never ran`)]
  if (successes === 0) return [violation(ONCE, `${task} never succeeded`, lines)]
  if (successes > 1) return [violation(ONCE, `${task} succeeded ${successes} times`, lines)]
  const doneAt = firstSuccess(attempts)
  const again = attempts.filter(({ startedAt, succeeded }) => !succeeded && startedAt >= doneAt)
  if (again.length === 0) return []
  return [violation(ONCE, `${task} began again when it had succeeded`, lines)]
}

function tooEarly(
  task: string,
  attempts: readonly TaskAttempt[],
  parent: string,
  doneAt: number | undefined,
): Violation[] {
  assert(doneAt !== undefined, 'a parent is a task')
  const early = attempts.filter(({ startedAt }) => startedAt < doneAt)
  if (early.length === 0) return []
  const end = doneAt === Number.POSITIVE_INFINITY ? 'never succeeded' : `succeeded at ${doneAt}`
  return [
    violation(PARENTS_FIRST, `${task} began before ${parent}, which ${end}`, early.map(shown)),
  ]
}

/** Infinity where there is none: nothing is later. */
function firstSuccess(attempts: readonly TaskAttempt[]): number {
  const ends = attempts.flatMap(({ succeeded, endedAt }) => (succeeded ? (endedAt ?? []) : []))
  return ends.reduce((first, end) => Math.min(first, end), Number.POSITIVE_INFINITY)
}

function shown({ startedAt, endedAt, succeeded }: TaskAttempt): string {
  return `${startedAt} to ${endedAt ?? '?'}: ${succeeded ? 'succeeded' : 'did not succeed'}`
}

interface WfTask {
  readonly id?: unknown
  readonly parents?: unknown
  readonly children?: unknown
}

/** By both lists: each pair stands in one of them at least. */
function parentsIn(trace: unknown): ReadonlyMap<string, ReadonlySet<string>> {
  const { workflow } = trace as { workflow?: { specification?: { tasks?: unknown } } }
  const tasks = workflow?.specification?.tasks
  assert(Array.isArray(tasks), 'a trace in WfFormat lists its tasks')
  const parents = new Map<string, Set<string>>()
  for (const { id } of tasks as readonly WfTask[]) {
    assert(typeof id === 'string' && !parents.has(id), 'each task has an id of its own', { id })
    parents.set(id, new Set())
  }
  const link = (parent: string, child: string) => {
    const of = parents.get(child)
    assert(of !== undefined && parents.has(parent), 'a pair is of tasks', { parent, child })
    of.add(parent)
  }
  for (const task of tasks as readonly WfTask[]) {
    for (const parent of textsOf(task.parents)) link(parent, task.id as string)
    for (const child of textsOf(task.children)) link(task.id as string, child)
  }
  return parents
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
