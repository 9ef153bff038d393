/** The same key again is the same run again, also when that has left the ledger. */
import type { Agent } from '../../agent/agent.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import {
  canonicalHash,
  canonicalJson,
  canonicalWorkflow,
} from '../../protocol/workflow/canonical.ts'
import { ApiRefusal } from '../api/refusal.ts'
import { boundInputs, type Wanted } from '../runs/starting.ts'

/** Undefined when no run that was kept was begun with the key. Throws when it was another one. */
export async function archivedRunOf(agent: Agent, wanted: Wanted): Promise<RunView | undefined> {
  const { key, workflow, inputs } = wanted
  if (key === undefined) return undefined
  if (read(agent.ledger.state, { kind: 'runOfKey', key }).value !== undefined) return undefined
  const run = await agent.history.runOfKey(key)
  const view = run === undefined ? undefined : await agent.history.run(run)
  if (view === undefined) return undefined
  const { spec } = view
  const isSame =
    spec.workflow === canonicalHash(canonicalWorkflow(workflow)) &&
    spec.inputs === canonicalJson(boundInputs(workflow, inputs))
  if (isSame) return view
  const why = `the key has begun run ${view.run}, of another workflow or with other inputs`
  throw new ApiRefusal('conflict', why, 'take another key')
}
