/** Whether the stages that are chosen from are there, and wait for the choice. */
import type { Stage } from '../model.ts'
import { type Draft, stagePath } from './draft.ts'
import { knownStage } from './needs.ts'

export function checkBranches(draft: Draft): void {
  for (const stage of draft.stages) {
    if (stage.step.kind !== 'choose') continue
    const path = [...stagePath(stage), 'choose']
    stage.step.cases.forEach(({ then }, i) => {
      then.forEach((name, j) => {
        checkTarget(draft, stage, name, [...path, 'cases', i, 'then', j])
      })
    })
    stage.step.otherwise?.forEach((name, j) => {
      checkTarget(draft, stage, name, [...path, 'otherwise', j])
    })
  }
}

function checkTarget(
  draft: Draft,
  chooser: Stage,
  name: string,
  path: readonly (string | number)[],
): void {
  const target = knownStage(draft, name, path)
  if (target === undefined) return
  if (target.section !== chooser.section) {
    draft.refuse('badNeed', path, `${name} stands under ${target.section}, not ${chooser.section}`)
  }
  if (target.role !== 'ordinary') {
    draft.refuse('badNeed', path, `${name} is a ${target.role}, and runs only when it is called`)
  }
}
