/**
 * Which branch was taken, and why a stage was skipped: read off how the others ended, in the order
 * in which the scheduler asks (`../scheduler/core/stages.ts`). Pure.
 */
import type { UnitView } from '../../protocol/ledger/work-view.ts'
import { printExpression } from '../../protocol/workflow/expressions/printer.ts'
import { targetsOf } from '../../protocol/workflow/language/roles.ts'
import type { Stage, Workflow } from '../../protocol/workflow/model.ts'

export interface Chosen {
  /** The case that held, counted from 1, and what it asks. Absent: none did. */
  readonly case?: number
  readonly when?: string
  readonly stages: string[]
}

type Whole = Pick<UnitView, 'state' | 'outputs'>

/** Of a stage that chooses: which others it took. */
export function chosenBy(
  unit: Whole | undefined,
  stage: Pick<Stage, 'step'> | undefined,
): Chosen | undefined {
  if (stage?.step.kind !== 'choose' || unit?.state !== 'succeeded') return undefined
  if (unit.outputs === undefined) return undefined
  const { cases, otherwise = [] } = stage.step
  const { case: place } = JSON.parse(unit.outputs) as { case?: number }
  const taken = place === undefined ? undefined : cases[place]
  if (taken === undefined) return { stages: [...otherwise] }
  return { case: place! + 1, when: printExpression(taken.when), stages: [...taken.then] }
}

/** Of a stage that was skipped. Nothing where the workflow cannot be read. */
export function skipWords(
  stage: Stage,
  workflow: Workflow,
  unitOf: (stage: string) => Whole | undefined,
): string {
  const choosers = choosersIn(workflow).get(stage.name) ?? []
  const choices = choosers.flatMap((chooser) => {
    const chosen = chosenBy(unitOf(chooser.name), chooser)
    return chosen === undefined ? [] : [{ name: chooser.name, stages: chosen.stages }]
  })
  const isChosen = choices.some(({ stages }) => stages.includes(stage.name))
  if (choices.length > 0 && !isChosen) return choices.map(choiceWords).join(', ')
  const isSkipped = (name: string) => unitOf(name)?.state === 'skipped'
  if (stage.needs.length > 0 && stage.needs.every(isSkipped)) return 'all that it needs was skipped'
  if (stage.if === undefined) return 'what it needs was skipped'
  return `its condition did not hold: ${printExpression(stage.if)}`
}

function choiceWords({ name, stages }: { name: string; stages: readonly string[] }): string {
  return `${name} chose ${stages.join(', ') || 'nothing'}`
}

const known = new WeakMap<Workflow, ReadonlyMap<string, readonly Stage[]>>()

/** By the name of a stage, those that may choose it. */
function choosersIn(workflow: Workflow): ReadonlyMap<string, readonly Stage[]> {
  const before = known.get(workflow)
  if (before !== undefined) return before
  const choosers = new Map<string, Stage[]>()
  for (const stage of workflow.stages) {
    if (stage.step.kind !== 'choose') continue
    for (const target of targetsOf(stage.step)) {
      const of = choosers.get(target)
      if (of === undefined) choosers.set(target, [stage])
      else of.push(stage)
    }
  }
  known.set(workflow, choosers)
  return choosers
}

/** The unit of a stage that is no item of it. */
export function wholeIn(
  unitsOf: ReadonlyMap<string, readonly UnitView[]>,
): (stage: string) => UnitView | undefined {
  return (stage) => unitsOf.get(stage)?.find(({ item }) => item === undefined)
}
