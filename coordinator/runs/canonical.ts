/** The canonical text of a workflow and its hash, made once for each workflow that is in memory. */
import { canonicalHash, canonicalWorkflow } from '../../protocol/workflow/canonical.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'

export interface Canonical {
  readonly text: string
  readonly hash: string
}

const known = new WeakMap<Workflow, Canonical>()

export function canonicalOf(workflow: Workflow): Canonical {
  const held = known.get(workflow)
  if (held !== undefined) return held
  const text = canonicalWorkflow(workflow)
  const made = { text, hash: canonicalHash(text) }
  known.set(workflow, made)
  return made
}

/** For whoever has read the workflow from its canonical text: it need not be made again. */
export function wasReadFrom(workflow: Workflow, canonical: Canonical): void {
  known.set(workflow, canonical)
}
