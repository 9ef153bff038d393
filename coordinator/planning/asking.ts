/** What hosts are asked of a workflow before it is planned: keys, and no more of it than that. */
import { levelsOf } from '../../models/profiles/levels.ts'
import { fingerprintOf } from '../../protocol/work/fingerprint.ts'
import type { Stage, Workflow } from '../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'

/** Of a text from anybody; none of one with mistakes, which planning will tell. */
export function keysIn({ workflow: text }: { workflow: string }): string[] {
  const parsed = parseWorkflow(text)
  return parsed.ok ? keysOf(parsed.workflow) : []
}

export function keysOf(workflow: Pick<Workflow, 'name' | 'stages'>): string[] {
  const keys = new Set<string>()
  for (const task of tasksOf(workflow).values()) {
    for (const { key } of levelsOf(workflow.name, task)) keys.add(key)
  }
  return [...keys]
}

const tasks = new WeakMap<readonly Stage[], ReadonlyMap<Stage, string>>()

/** Of what kind each stage is, as far as anything is to be learned of it. Made out once. */
export function tasksOf({ stages }: Pick<Workflow, 'stages'>): ReadonlyMap<Stage, string> {
  const known = tasks.get(stages)
  if (known !== undefined) return known
  const found = new Map<Stage, string>()
  for (const stage of stages) {
    const task = fingerprintOf(stage)
    if (task !== undefined) found.set(stage, task)
  }
  tasks.set(stages, found)
  return found
}
