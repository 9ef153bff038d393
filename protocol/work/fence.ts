/**
 * Which try of which stage, and by whose word. Of all tries of a stage (or of one item of it) only
 * the latest counts, and in a race the two that are at work: each by its own fence, until the unit
 * has an end. Whatever else still runs is to be stopped.
 */
import { field, type Infer, message, optional, text, uint } from '../wire/schema.ts'
import { workLimits } from './limits.ts'

/** The leader's term, and the index of the ledger entry that made the assignment. */
export const Fence = message('Fence', {
  term: field(1, uint()),
  index: field(2, uint()),
})
export type Fence = Infer<typeof Fence>

export const AttemptId = message('AttemptId', {
  run: field(1, text(workLimits.runIdBytesMax)),
  stage: field(2, text(workLimits.stageNameBytesMax)),
  /** Of a stage with `forEach`: the place in the list, from 0. */
  item: optional(3, uint()),
  /** Counts from 1. */
  attempt: field(4, uint()),
})
export type AttemptId = Infer<typeof AttemptId>

/** Below 0 when `a` is older. Terms first: an index may be taken again by a later term. */
export function compareFences(a: Fence, b: Fence): number {
  return a.term - b.term || a.index - b.index
}

export function sameFence(a: Fence, b: Fence): boolean {
  return a.term === b.term && a.index === b.index
}

/** What a fence guards: the stage, or the item of it. The same for all its attempts. */
export function taskKey({ run, stage, item }: Omit<AttemptId, 'attempt'>): string {
  return item === undefined ? `${run}/${stage}` : `${run}/${stage}/${item}`
}

/** Names one attempt among all of the mesh, for maps and for people. */
export function attemptKey(id: AttemptId): string {
  return `${taskKey(id)}#${id.attempt}`
}
