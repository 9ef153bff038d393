/**
 * Why stages ended as they did, and where they went: what the ledger, or the history, says of them
 * when no leader has them in mind any more. What spoke for a host when it was chosen only the
 * leader that chose it remembers (`scheduler/core/choices.ts`).
 */
import type { RunView, UnitView } from '../../protocol/ledger/work-view.ts'
import { isRunOver, type RunState } from '../../protocol/work/states.ts'
import type { Stage, Workflow } from '../../protocol/workflow/model.ts'
import type { Attempt, Explanation } from '../api/run-schemas.ts'
import { SCHEMA_VERSION } from '../api/schemas.ts'
import { seconds } from '../placement/words.ts'
import { chosenBy, skipWords, wholeIn } from './branches.ts'
import { attemptDocument, inOrder, type NameOf } from './documents.ts'
import { runLimits } from './limits.ts'

type Told = Explanation['stages'][number]

/** Of a run that is over: of all that did not succeed, or of one stage with its items. */
export function endedExplanation(
  view: RunView,
  workflow: Workflow | undefined,
  stage: string | undefined,
  nameOf: NameOf,
): Explanation {
  const { head, units } = view
  const modelOf = new Map(workflow?.stages.map((each) => [each.name, each]))
  const unitsOf = Map.groupBy(units, (unit) => unit.stage)
  const meant = units.filter((unit) =>
    stage === undefined ? unit.state !== 'succeeded' : unit.stage === stage,
  )
  const idle = (workflow?.stages ?? []).filter((each) =>
    stage === undefined
      ? !unitsOf.has(each.name) && isMissed(each, head.state)
      : each.name === stage && !unitsOf.has(stage),
  )
  const all = [
    ...meant.map((unit) => endedUnit(unit, modelOf.get(unit.stage), { workflow, unitsOf, nameOf })),
    ...idle.map((each): Told => {
      return { stage: each.name, state: 'pending', why: idleWords(each, head.state) }
    }),
  ]
  const reason = head.reason === undefined || head.reason === '' ? '' : `: ${head.reason}`
  return {
    schemaVersion: SCHEMA_VERSION,
    run: view.run,
    phase: isRunOver(head.state) ? 'ended' : 'stages',
    ...(isRunOver(head.state) ? { why: `it has ${endWords[head.state]}${reason}` } : {}),
    stages: toldInOrder(all, workflow).slice(0, runLimits.explainedMax),
    more: Math.max(0, all.length - runLimits.explainedMax),
  }
}

/** As `runs show` lists them; items stay as they are. */
export function toldInOrder<T extends { stage: string }>(
  stages: readonly T[],
  workflow: Workflow | undefined,
): T[] {
  if (workflow === undefined) return [...stages]
  const placeOf = new Map(inOrder(workflow).map(({ name }, place) => [name, place]))
  const place = ({ stage }: T): number => placeOf.get(stage) ?? placeOf.size
  return stages.toSorted((a, b) => place(a) - place(b))
}

const endWords: Readonly<Record<string, string>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'been cancelled',
}

/** Those that are called only when something fails are missed by nobody when nothing has. */
function isMissed({ role, section }: Stage, state: RunState): boolean {
  return role === 'ordinary' && (section !== 'onFailure' || state === 'failed')
}

function idleWords(stage: Stage, state: RunState): string {
  if (stage.role !== 'ordinary') return `it is a ${stage.role}, and was not called`
  return isMissed(stage, state) ? 'the run ended before it' : 'the run did not fail'
}

/** What is known of the run as a whole. */
interface Ground {
  readonly workflow: Workflow | undefined
  readonly unitsOf: ReadonlyMap<string, readonly UnitView[]>
  readonly nameOf: NameOf
}

/** Of a unit that is over. */
function endedUnit(unit: UnitView, model: Stage | undefined, ground: Ground): Told {
  const { stage, item, state, node, attempt } = unit
  const { unitsOf, nameOf } = ground
  const words = [
    ...endOf(unit, model, ground),
    ...itemsOf(unit, unitsOf.get(stage) ?? []),
    ...triesOf(unit, nameOf),
  ]
  return {
    stage,
    ...(item === undefined ? {} : { item }),
    state,
    why: words.join('; ') || 'no host was needed for it',
    ...(node === undefined ? {} : { node, nodeName: nameOf(node) }),
    ...(attempt === 0 ? {} : { attempt }),
  }
}

/** Nothing of a success: that it is one is told beside it. */
function endOf(unit: UnitView, stage: Stage | undefined, { workflow, unitsOf }: Ground): string[] {
  const { state, why, adopted, errorClass } = unit
  const before = adopted ? ['so it ended in the run that this one does again'] : []
  const of = errorClass === undefined ? '' : ` (an error of class ${errorClass})`
  if (why !== undefined && why !== '') return [`${why}${of}`, ...before]
  if (state === 'skipped' && stage !== undefined && workflow !== undefined) {
    return [skipWords(stage, workflow, wholeIn(unitsOf)), ...before]
  }
  return [...takenWords(unit, stage), ...before]
}

function takenWords(unit: UnitView, stage: Stage | undefined): string[] {
  const chosen = chosenBy(unit, stage)
  if (chosen === undefined) return []
  const taken = chosen.stages.join(', ') || 'nothing was chosen'
  if (chosen.case === undefined) return [`none of its cases held: ${taken}`]
  return [`its case ${chosen.case} held: ${taken}`]
}

/** Of a stage as a whole: hosts were needed for its items only. */
function itemsOf({ item }: UnitView, units: readonly UnitView[]): string[] {
  if (item !== undefined) return []
  const items = units.filter((unit) => unit.item !== undefined)
  if (items.length === 0) return []
  const succeeded = items.filter(({ state }) => state === 'succeeded').length
  return [`of its ${items.length} items ${succeeded} succeeded`]
}

/** Each try with its host; of very many the last ones. */
function triesOf({ attempts = [] }: UnitView, nameOf: NameOf): string[] {
  const shown = attempts.slice(-runLimits.triesToldMax)
  const left = attempts.length - shown.length
  return [
    ...(left === 0 ? [] : [`${left} tries before that`]),
    ...shown.map((each) => tryWords(attemptDocument(each, nameOf))),
  ]
}

function tryWords({ attempt, nodeName, assignedMs, endedMs, outcome, exitCode }: Attempt) {
  const how =
    outcome === 'lost'
      ? 'was not begun, or lost with its host,'
      : outcome === 'timedOut'
        ? 'was stopped'
        : outcome
  const code = exitCode === undefined || exitCode === 0 ? '' : ` with exit code ${exitCode}`
  return `try ${attempt} on ${nodeName} ${how}${code} after ${seconds(endedMs - assignedMs)}`
}
