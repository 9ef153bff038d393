/**
 * The environment of a stage: a clean base, what the stage asks for, and who it is. Nothing of the
 * agent's own goes with it, and what the agent says of the attempt cannot be overruled.
 */
import type { StepOrder } from './executor.ts'

export function environmentOf(
  base: Readonly<Record<string, string>>,
  { assignment: { id, env, step }, secrets }: Pick<StepOrder, 'assignment' | 'secrets'>,
): Record<string, string> {
  return {
    ...base,
    ...env,
    ...secrets,
    ...(step.kind === 'script' ? step.value.variables : {}),
    SKEIN_RUN: id.run,
    SKEIN_STAGE: id.stage,
    SKEIN_ATTEMPT: String(id.attempt),
    ...(id.item === undefined ? {} : { SKEIN_ITEM: String(id.item) }),
  }
}
