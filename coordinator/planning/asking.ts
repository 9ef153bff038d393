/** What hosts are asked of a workflow before it is planned: keys, and no more of it than that. */
import { levelsOf } from '../../models/profiles/levels.ts'
import { fingerprintOf } from '../../protocol/work/fingerprint.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'

/** Of a text from anybody; none of one with mistakes, which planning will tell. */
export function keysIn({ workflow: text }: { workflow: string }): string[] {
  const parsed = parseWorkflow(text)
  return parsed.ok ? keysOf(parsed.workflow) : []
}

export function keysOf({ name, stages }: Pick<Workflow, 'name' | 'stages'>): string[] {
  const keys = new Set<string>()
  for (const stage of stages) {
    const task = fingerprintOf(stage)
    if (task === undefined) continue
    for (const { key } of levelsOf(name, task)) keys.add(key)
  }
  return [...keys]
}
