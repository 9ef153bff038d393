/** Which secrets a stage is given, and as what: those of every stage, and its own before them. */
import type { SecretUse, Stage, Step, Workflow } from './model.ts'

/** Variable and name of the secret. */
export function secretsOf(
  { secrets }: Pick<Workflow, 'secrets'>,
  stage: Pick<Stage, 'secrets' | 'step'>,
  as: SecretUse['as'],
): Record<string, string> {
  // Those of every stage are for those that can take them.
  if (as === 'file' && opensNoFile(stage.step) !== undefined) return {}
  const all = Object.entries({ ...secrets, ...stage.secrets })
  return Object.fromEntries(
    all.flatMap(([variable, use]) => (use.as === as ? [[variable, use.name]] : [])),
  )
}

/** What an agent does by itself, by the name that is written; undefined for programs of all kinds. */
export function opensNoFile(step: Step): string | undefined {
  if (step.kind === 'http') return step.kind
  if (step.kind !== 'function') return undefined
  const [module] = step.module
  return typeof module === 'string' && module.startsWith('skein:') ? module : undefined
}
