/**
 * A run done again, in part: a new run that takes over how some stages of the old one ended. The
 * old run stays as it was. What the new one takes over is decided here, once, and is in the ledger
 * from then on.
 */

import type { RunView } from '../../protocol/ledger/work-view.ts'
import { isRunOver } from '../../protocol/work/states.ts'
import type { Stage, Workflow } from '../../protocol/workflow/model.ts'
import { ApiRefusal } from '../api/refusal.ts'
import { stageNamed } from './stage-named.ts'

export interface Again {
  /** These, and all that comes after them. */
  readonly from?: readonly string[] | undefined
  readonly only?: readonly string[] | undefined
  /** What did not succeed or was undone, and all that comes after. */
  readonly failed: boolean
}

/** Names of the stages that are not done again. */
export function keptStages(view: RunView, workflow: Workflow, again: Again): string[] {
  const { run, head } = view
  if (!isRunOver(head.state)) {
    const fix = `wait for it, or stop it with skein runs cancel ${run}`
    throw new ApiRefusal('conflict', `run ${run} is not over yet`, fix)
  }
  const ways = [again.from, again.only, again.failed || undefined].filter((it) => it !== undefined)
  if (ways.length !== 1) {
    const why = 'a run is done again in one way'
    throw new ApiRefusal('badRequest', why, 'name one of --from STAGE, --only STAGE and --failed')
  }
  const ordinary = workflow.stages.filter(
    ({ section, role }) => section === 'stages' && role === 'ordinary',
  )
  const ends = endsOf(view, ordinary)
  const redone = redoneOf(ordinary, ends, again)
  const kept = ordinary.filter(({ name }) => !redone.has(name) && ends.has(name))
  refuseWithoutGround(ordinary, redone, ends)
  return kept.map(({ name }) => name)
}

type End = 'good' | 'undone' | 'failed' | 'cancelled'

/**
 * How each stage ended that did. What was undone when the run failed has come about no more, also
 * where the undoing itself has failed: nobody knows how far it came.
 */
function endsOf({ units }: RunView, stages: readonly Stage[]): Map<string, End> {
  const begun = new Set(units.map(({ stage }) => stage))
  const undone = new Set(
    stages.flatMap(({ name, compensate }) =>
      compensate !== undefined && begun.has(compensate) ? [name] : [],
    ),
  )
  const ends = new Map<string, End>()
  for (const { stage, item, state } of units) {
    if (item !== undefined) continue
    if (state === 'succeeded') ends.set(stage, undone.has(stage) ? 'undone' : 'good')
    else if (state === 'skipped') ends.set(stage, 'good')
    else if (state === 'failed' || state === 'cancelled') ends.set(stage, state)
  }
  return ends
}

function redoneOf(
  stages: readonly Stage[],
  ends: ReadonlyMap<string, End>,
  { from, only, failed }: Again,
): Set<string> {
  if (only !== undefined) return new Set(only.map((name) => stageNamed(name, stages).name))
  if (from !== undefined)
    return withAfter(
      from.map((name) => stageNamed(name, stages).name),
      stages,
    )
  if (!failed) return new Set()
  const bad = stages.filter(({ name }) => ends.get(name) !== 'good').map(({ name }) => name)
  if (bad.length > 0) return withAfter(bad, stages)
  const why = 'every stage of the run has succeeded'
  throw new ApiRefusal('conflict', why, 'name the stages to do again with --from or --only')
}

function withAfter(first: readonly string[], stages: readonly Stage[]): Set<string> {
  const dependants = new Map<string, string[]>()
  for (const { name, needs } of stages) {
    for (const need of needs) {
      const known = dependants.get(need)
      if (known === undefined) dependants.set(need, [name])
      else known.push(name)
    }
  }
  const found = new Set(first)
  // A set may grow while it is walked.
  for (const name of found) for (const next of dependants.get(name) ?? []) found.add(next)
  return found
}

/**
 * What is done again must stand on something that has come about, or is done again as well. The
 * failure of an optional stage is none, as in the run itself.
 */
function refuseWithoutGround(
  stages: readonly Stage[],
  redone: ReadonlySet<string>,
  ends: ReadonlyMap<string, End>,
): void {
  const optional = new Set(stages.filter((stage) => stage.optional).map(({ name }) => name))
  const stands = (need: string) =>
    redone.has(need) ||
    ends.get(need) === 'good' ||
    (optional.has(need) && ends.get(need) === 'failed')
  for (const { name, needs } of stages) {
    if (!redone.has(name)) continue
    const missing = needs.find((need) => !stands(need))
    if (missing === undefined) continue
    throw new ApiRefusal(
      'conflict',
      `${name} needs ${missing}, which ${ends.get(missing) === 'undone' ? 'was undone when that run failed' : 'did not succeed in that run'}`,
      `do it again as well: --from ${missing}`,
    )
  }
}
