/**
 * What is known of a stage before there is a run: values that come of inputs alone. Whatever reads
 * results of other stages, or the run, is not known, and is said to be so instead of being guessed.
 */
import { isInstant } from '../../protocol/work/fingerprint.ts'
import type { Expr } from '../../protocol/workflow/expressions/ast.ts'
import { evaluate } from '../../protocol/workflow/expressions/evaluator.ts'
import { expressionLimits } from '../../protocol/workflow/expressions/limits.ts'
import { referencesOf } from '../../protocol/workflow/expressions/references.ts'
import {
  Duration,
  entryAt,
  type Fields,
  isList,
} from '../../protocol/workflow/expressions/values.ts'
import { inputNames } from '../../protocol/workflow/inputs.ts'
import type { Stage, Workflow } from '../../protocol/workflow/model.ts'
import type { Json } from '../../protocol/workflow/shape/shape.ts'
import { planLimits } from './limits.ts'

export type Inputs = Readonly<Record<string, Json>>

export const briefly = { ...expressionLimits, stepsMax: planLimits.expressionStepsMax }

/** Names for expressions. `run` has what every run of this workflow has. */
export function namesBefore(workflow: Workflow, inputs: Inputs): Fields {
  return {
    inputs: inputNames(workflow, inputs),
    run: { workflow: workflow.name, labels: workflow.labels },
  }
}

/** Undefined where only the run will know, or where there is no condition. */
export function conditionBefore(stage: Stage, names: Fields): boolean | undefined {
  if (stage.if === undefined) return undefined
  const found = evaluate(stage.if, names, briefly)
  return found.ok && typeof found.value === 'boolean' ? found.value : undefined
}

/** How many items a `forEach` has. */
export function itemsBefore({ forEach }: Stage, names: Fields): number | undefined {
  if (forEach === undefined) return undefined
  if (!('kind' in forEach.items)) return forEach.items.length
  const found = evaluate(forEach.items, names, briefly)
  return found.ok && isList(found.value) ? found.value.length : undefined
}

/** Of a `wait`, and of steps that take no time of their own. */
export function durationBefore({ step }: Stage, names: Fields): number | undefined {
  if (step.kind === 'choose' || step.kind === 'signal' || isInstant(step)) return 0
  if (step.kind !== 'wait' || !('for' in step)) return undefined
  if (typeof step.for === 'number') return step.for
  const found = evaluate(step.for, names, briefly)
  return found.ok && found.value instanceof Duration ? found.value.ms : undefined
}

/** Skipped whatever happens: a condition that is false, or needs that are all skipped. */
export function skippedBefore(stages: readonly Stage[], names: Fields): ReadonlySet<string> {
  const skipped = new Set<string>()
  for (const stage of stages) {
    const isCut = stage.needs.length > 0 && stage.needs.every((need) => skipped.has(need))
    if (isCut || conditionBefore(stage, names) === false) skipped.add(stage.name)
  }
  return skipped
}

/** The first name that an expression about hosts reads and that only the run will know. */
export function unknownName(expr: Expr, names: Fields): string | undefined {
  for (const { name, field } of referencesOf(expr)) {
    // An input that was not given is known not to be there.
    if (name === 'node' || name === 'inputs') continue
    const value = Object.hasOwn(names, name) ? names[name]! : undefined
    if (value === undefined) return field === undefined ? name : `${name}.${field}`
    if (field !== undefined && entryAt(value, field) === undefined) return `${name}.${field}`
  }
  return undefined
}
