/**
 * Runs wherever they are: in the ledger, or in the history of this agent or of another. Whoever
 * only looks at a run need not know which.
 */
import type { Agent } from '../../agent/agent.ts'
import { read } from '../../protocol/ledger/read.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { ApiRefusal } from '../api/refusal.ts'
import type { Found, WorkflowLibrary } from '../runs/library.ts'
import { runLimits } from '../runs/limits.ts'
import { whereFrom } from './where.ts'

const LIST = 'skein runs ls shows the runs'

/** The id of the run that is meant: an id, a unique start of one, or `@latest`. */
export async function findRun(
  agent: Agent,
  state: LedgerState,
  reference: string,
): Promise<string> {
  if (reference === '@latest') return newest(agent, state)
  const limit = runLimits.candidatesMax
  const { items, next } = read(state, { kind: 'runIdList', prefix: reference, limit }).value
  if (items[0] === reference) return reference
  const ids = [...new Set([...items, ...(await agent.history.ids(reference))])].sort()
  const [first] = ids
  if (first === reference || (first !== undefined && ids.length === 1)) return first
  if (first === undefined) {
    const why = `there is no run ${JSON.stringify(reference.slice(0, 64))}`
    const fix = `${LIST}; those that ended long ago are forgotten (history.runsAge in agent.yaml)`
    throw new ApiRefusal('notFound', why, fix)
  }
  const more = next !== undefined || ids.length > limit ? ', and more' : ''
  const why = `${JSON.stringify(reference)} fits ${ids.slice(0, limit).join(', ')}${more}`
  throw new ApiRefusal('ambiguous', why, 'write more of the id')
}

/** A run that another has begun is a part of that one, which is what people mean. */
async function newest({ history }: Agent, state: LedgerState): Promise<string> {
  const where = whereFrom('parent == ""')
  const { items } = await history.list(state, { filter: {}, where, limit: 1 })
  const [first] = items
  if (first !== undefined) return first.run
  throw new ApiRefusal('notFound', 'there are no runs', 'start one with skein run FILE')
}

/** All of it, with its attempts. */
export async function viewRun(agent: Agent, state: LedgerState, run: string): Promise<RunView> {
  const view = wholeRun(state, { run, attempts: true }) ?? (await agent.history.run(run))
  if (view !== undefined) return view
  const why = `run ${run} has left the ledger, and no agent that answers keeps it whole`
  throw new ApiRefusal(
    'notFound',
    why,
    'skein nodes ls shows who is missing; ask again when all are there',
  )
}

/** Of a run, wherever it is. */
export async function workflowOf(
  agent: Agent,
  library: WorkflowLibrary,
  state: LedgerState,
  hash: string,
): Promise<Found> {
  const found = library.find(state, hash)
  if (found.ok) return found
  const text = await agent.history.workflow(hash)
  return text === undefined ? found : library.learn(hash, text)
}

/** Undefined when nobody has it, or it cannot be read: stages are told of without it. */
export async function readableWorkflow(
  ...of: Parameters<typeof workflowOf>
): Promise<Workflow | undefined> {
  const found = await workflowOf(...of)
  return found.ok ? found.workflow : undefined
}
