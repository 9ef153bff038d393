/** What follows for stages from how others name them: who is called, and who waits for a choice. */
import type { Role, Stage } from '../model.ts'

/** Branches need the stage that chooses them; what undoes or stands in is called, not scheduled. */
export function withRoles(stages: readonly Stage[]): Stage[] {
  const roles = new Map<string, Role>()
  const choosers = new Map<string, string[]>()
  for (const { name, compensate, fallback, step } of stages) {
    if (compensate !== undefined) roles.set(compensate, 'compensation')
    if (fallback !== undefined) roles.set(fallback, 'fallback')
    if (step.kind !== 'choose') continue
    for (const target of targetsOf(step)) {
      const known = choosers.get(target)
      if (known) known.push(name)
      else choosers.set(target, [name])
    }
  }
  return stages.map((stage) => {
    const role = roles.get(stage.name) ?? 'ordinary'
    const chosenBy = (choosers.get(stage.name) ?? []).filter((name) => !stage.needs.includes(name))
    if (role === stage.role && chosenBy.length === 0) return stage
    return { ...stage, role, needs: [...stage.needs, ...chosenBy] }
  })
}

export function targetsOf({
  cases,
  otherwise = [],
}: Extract<Stage['step'], { kind: 'choose' }>): readonly string[] {
  return [...new Set([...cases.flatMap((each) => each.then), ...otherwise])]
}
