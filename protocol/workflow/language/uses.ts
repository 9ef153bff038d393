/** Which keys of a stage mean something beside which kinds of steps. */
import type { StepKind } from '../model.ts'

const programs: readonly StepKind[] = [
  'run',
  'function',
  'container',
  'framework',
  'runbook',
  'gate',
]
/** What an agent does. */
const executed: readonly StepKind[] = [...programs, 'http']
/** What has attempts. */
const attempted: readonly StepKind[] = [...executed, 'workflow']

/** Keys that are not here go with every kind. */
const usedBy: Readonly<Record<string, readonly StepKind[]>> = {
  shell: ['run'],
  sandbox: ['run'],
  directory: ['run', 'function', 'container', 'framework'],
  env: programs,
  secrets: executed,
  artifacts: ['run', 'function', 'container', 'framework'],
  artifactsFrom: programs,
  resources: programs,
  with: ['function', 'workflow', 'runbook', 'framework', 'gate'],
  retry: attempted,
  timeout: attempted,
  onLost: executed,
  race: executed,
  where: executed,
}

export const keysWithUses: readonly string[] = Object.keys(usedBy)

/** Undefined when it goes with all. */
export function kindsFor(key: string): readonly StepKind[] | undefined {
  return Object.hasOwn(usedBy, key) ? usedBy[key] : undefined
}

/**
 * Whether a default holds for a step of this kind. The time that an attempt may take is meant for
 * work; a subflow has work of its own, with times of its own.
 */
export function takesDefault(key: string, kind: StepKind): boolean {
  if (key === 'timeout' && kind === 'workflow') return false
  return kindsFor(key)?.includes(kind) ?? true
}
