/** What the times in the ledger say of runs. Pure. */

import type { Attempt, Run, RunDetail, Stage } from '../../coordinator/api/run-schemas.ts'
import { assert } from '../../protocol/assert.ts'
import type { TaskRun } from '../checkers/trace-order.ts'

export interface Counted {
  readonly stages: number
  readonly perSecond: number
}

/** From the first that began until the last had ended. */
export function rateOf(runs: readonly Run[], stagesEach: number): Counted {
  assert(runs.length > 0, 'a rate is of some runs')
  const stages = runs.length * stagesEach
  const fromMs = Math.min(...runs.map(({ startedMs }) => startedMs))
  const untilMs = Math.max(...runs.map(({ endedMs }) => endedMs ?? Number.POSITIVE_INFINITY))
  return { stages, perSecond: stages / ((untilMs - fromMs) / 1_000) }
}

export function lengthMsOf({ startedMs, endedMs }: Run): number {
  assert(endedMs !== undefined, 'only a run that has ended has a length')
  return endedMs - startedMs
}

/** In a chain: from the first result to the last, for each stage after the first. */
export function hopOf({ stages }: RunDetail): number {
  const ends = stages.map((stage) => successOf(stage).endedMs).sort((a, b) => a - b)
  assert(ends.length > 1, 'a hop is between two')
  return ((ends.at(-1) as number) - (ends[0] as number)) / (ends.length - 1)
}

/** Of one stage, from the start of its run until its success was committed: also what it had to wait. */
export interface StageTimes {
  readonly wholeMs: number
  /** Until the attempt that succeeded was assigned. */
  readonly unassignedMs: number
  /** On its host, until it had its turn. */
  readonly queuedMs: number
  /** Until its program ran. */
  readonly startingMs: number
  readonly runningMs: number
  /** All else: to its host, and back until its end was committed. */
  readonly betweenMs: number
}

/** What a host does not tell of itself is `betweenMs`. */
export function stageTimesOf({ run, stages }: RunDetail): StageTimes[] {
  return stages.map((stage) => {
    const { assignedMs, endedMs, usage } = successOf(stage)
    const { queueMs: queuedMs = 0, startMs: startingMs = 0, wallMs: runningMs = 0 } = usage ?? {}
    const betweenMs = endedMs - assignedMs - queuedMs - startingMs - runningMs
    const here = { queuedMs, startingMs, runningMs, betweenMs }
    const { startedMs } = run
    return { wholeMs: endedMs - startedMs, unassignedMs: assignedMs - startedMs, ...here }
  })
}

function successOf(stage: Stage): Attempt {
  const [success] = successesOf(stage)
  assert(success !== undefined, 'every stage has succeeded', { stage: stage.name })
  return success
}

export function successesOf({ attempts = [] }: Stage): Attempt[] {
  return attempts.filter(({ outcome }) => outcome === 'succeeded')
}

/** By the ledger: when each attempt was assigned, and when its end was committed. */
export function taskHistoryOf(
  { stages }: RunDetail,
  taskOf: ReadonlyMap<string, string>,
): TaskRun[] {
  return stages.map(({ name, attempts = [] }) => ({
    task: taskOf.get(name) ?? name,
    attempts: attempts.map(({ assignedMs, endedMs, outcome }) => ({
      startedAt: assignedMs,
      endedAt: endedMs,
      succeeded: outcome === 'succeeded',
    })),
  }))
}
