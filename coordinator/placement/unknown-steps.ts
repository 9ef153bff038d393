/** Steps that the language has and agents of this version do not do: whoever plans says so, too. */
import type { StepKind } from '../../protocol/workflow/model.ts'

const unknown: ReadonlySet<StepKind> = new Set(['runbook', 'framework', 'gate'])

export function isUnknownStep(kind: StepKind): boolean {
  return unknown.has(kind)
}

export function unknownStepWords(kind: StepKind): string {
  return `agents of this version do not know steps of the kind ${kind}`
}
