/** The same key again is the same run again, also when that has left the ledger. */
import type { Agent } from '../../agent/agent.ts'
import { read } from '../../protocol/ledger/read.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import { canonicalJson } from '../../protocol/workflow/canonical.ts'
import { ApiRefusal } from '../api/refusal.ts'
import { canonicalOf } from '../runs/canonical.ts'
import { freshState } from '../runs/fresh.ts'
import { boundInputs, type Wanted } from '../runs/starting.ts'

/**
 * Undefined when no run was begun with the key, in the ledger or before. Throws when it was another
 * one. A run that is found in the ledger is answered with at once: by the time that the ledger is
 * asked to begin it, it may have been archived, and would be begun a second time.
 */
export async function runBegunWith(
  agent: Agent,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<RunView | undefined> {
  const { key } = wanted
  if (key === undefined) return undefined
  const { state } = await freshState(agent, signal)
  const hot = read(state, { kind: 'runOfKey', key }).value
  const run = hot ?? (await agent.history.runOfKey(key))
  if (run === undefined) return undefined
  const view = wholeRun(state, { run }) ?? (await agent.history.run(run))
  if (view === undefined || isSame(view, wanted)) return view
  const why = `the key has begun run ${view.run}, of another workflow or with other inputs`
  throw new ApiRefusal('conflict', why, 'take another key')
}

function isSame({ spec }: RunView, { workflow, inputs }: Wanted): boolean {
  return (
    spec.workflow === canonicalOf(workflow).hash &&
    spec.inputs === canonicalJson(boundInputs(workflow, inputs))
  )
}
