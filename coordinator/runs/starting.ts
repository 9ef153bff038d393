/**
 * A run begins. Its workflow was read and checked on this agent, whatever the caller has checked.
 * Its inputs are bound, its text goes to the ledger where that does not hold it yet, and then one
 * entry says that there is a run. Everything is safe to be done again: the hash is the text's, the
 * key is the caller's.
 */
import type { Agent } from '../../agent/agent.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import type { RunStart } from '../../protocol/ledger/commands/work-runs.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { Result } from '../../protocol/ledger/result.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { canonicalJson, canonicalPlanHash } from '../../protocol/workflow/canonical.ts'
import { bindInputs } from '../../protocol/workflow/inputs.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import type { Json } from '../../protocol/workflow/shape/shape.ts'
import { bitsOfStages } from '../../protocol/workflow/stage-set.ts'
import { applied } from '../api/appending.ts'
import { Mistaken } from '../api/errors.ts'
import { ApiRefusal } from '../api/refusal.ts'
import type { Trail } from '../audit/deed.ts'
import { namesBefore } from '../scheduler/core/names.ts'
import { canonicalOf } from './canonical.ts'
import { groupFor } from './concurrency.ts'
import type { WorkflowLibrary } from './library.ts'
import { runLimits } from './limits.ts'

export interface Wanted {
  readonly workflow: Workflow
  readonly inputs: Readonly<Record<string, unknown>>
  readonly labels: Readonly<Record<string, string>>
  readonly by: string
  readonly key?: string | undefined
  readonly priority?: number | undefined
  readonly retry?: { readonly run: string; readonly keep: readonly string[] }
  /** What is written of the act, in the entry that begins the run. */
  readonly trail?: Trail | undefined
}

/** The ledger version that knows `runAgain`. */
const KEPT_AS_BITS_SINCE = 2

export interface Begun {
  readonly run: string
  readonly result: Result
}

export function publishedWorkflow(
  state: LedgerState,
  library: WorkflowLibrary,
  name: string,
): Workflow {
  const named = read(state, { kind: 'workflowOfName', name }).value
  if (named === undefined) {
    const why = `no workflow was published as ${JSON.stringify(name.slice(0, 64))}`
    throw new ApiRefusal('notFound', why, 'skein workflow ls shows them; publish it first')
  }
  const found = library.find(state, named.hash)
  if (!found.ok) throw new ApiRefusal('conflict', found.why, 'publish it again')
  return found.workflow
}

/** Values for the inputs, with defaults, as the ledger keeps them. */
export function boundInputs(
  workflow: Workflow,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, Json>> {
  const bound = bindInputs(workflow, given as Readonly<Record<string, Json>>)
  if (bound.ok) return bound.values
  throw new Mistaken(
    'the inputs are not what the workflow asks for',
    'give them with -i NAME=VALUE',
    bound.mistakes.map(({ input, message, hint }) => ({
      where: input,
      why: withHint(message.replace(`${input}: `, ''), hint),
    })),
  )
}

function withHint(message: string, hint: string | undefined): string {
  return hint === undefined ? message : `${message}; ${hint}`
}

export async function beginRun(
  agent: Agent,
  ids: Entropy,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Begun> {
  const { workflow, labels, by, key, priority, retry, trail } = wanted
  const inputs = boundInputs(workflow, wanted.inputs)
  const hash = await storeWorkflow(agent, workflow, signal)
  const run = newRunId(ids)
  const run0 = { id: run, by, startedMs: agent.ports.clock.wall(), labels }
  const group = groupFor(workflow, namesBefore({ workflow }, inputs, run0))
  const start = {
    run,
    workflow: hash,
    name: workflow.name,
    inputs: canonicalJson(inputs),
    by,
    labels: { ...workflow.labels, ...labels },
    planHash: canonicalPlanHash(canonicalOf(workflow).text, inputs),
    ...(key === undefined ? {} : { key }),
    ...(priority === undefined ? {} : { priority }),
    ...(group === undefined ? {} : { group }),
  }
  const command = beginning(start, workflow, retry, agent.ledger.state.version)
  if (trail !== undefined) trail.note = { ...trail.note, ...whatBegins(start, retry) }
  const result = await applied(agent, command, signal, trail)
  if (result.code !== 'notFound') return { run, result }
  // Its text has left with the last run of it, and this agent has not heard of that yet.
  await putWorkflow(agent, workflow, signal)
  return { run, result: await applied(agent, command, signal, trail) }
}

/** A run that is done again is named too: it is what was signed for, the new one has its id from here. */
function whatBegins(
  { run, name, workflow, planHash }: RunStart,
  retry: Wanted['retry'],
): { object: string; detail: string } {
  const again = retry === undefined ? '' : `, again ${retry.run}`
  return { object: `run ${run}${again}`, detail: `workflow ${name} ${workflow}, plan ${planHash}` }
}

/** What is kept is named as long as that is short; then its names can be read without the workflow. */
function beginning(
  start: RunStart,
  workflow: Workflow,
  retry: Wanted['retry'],
  ledgerVersion: number,
): SimpleCommand {
  if (retry === undefined) return { kind: 'runStart', value: start }
  const { run, keep } = retry
  const length = keep.reduce((sum, name) => sum + name.length, 0)
  if (length <= runLimits.keptNamesLengthMax || ledgerVersion < KEPT_AS_BITS_SINCE) {
    return { kind: 'runStart', value: { ...start, retry: { run, keep: [...keep] } } }
  }
  const kept = bitsOfStages(workflow, keep)
  return { kind: 'runAgain', value: { start: { ...start, retry: { run, keep: [] } }, kept } }
}

/** Its hash. What the ledger holds already is not sent again. */
export async function storeWorkflow(
  agent: Agent,
  workflow: Workflow,
  signal: AbortSignal,
): Promise<string> {
  const { hash } = canonicalOf(workflow)
  const held = read(agent.ledger.state, { kind: 'workflowGet', hash }).value
  if (held?.text === undefined) await putWorkflow(agent, workflow, signal)
  return hash
}

async function putWorkflow(agent: Agent, workflow: Workflow, signal: AbortSignal): Promise<void> {
  const { text, hash } = canonicalOf(workflow)
  const bytes = Buffer.from(text)
  const size = runLimits.workflowChunkBytes
  const chunks = Math.max(1, Math.ceil(bytes.length / size))
  for (let chunk = 0; chunk < chunks; chunk++) {
    const piece = Uint8Array.from(bytes.subarray(chunk * size, (chunk + 1) * size))
    const value = { hash, name: workflow.name, chunks, chunk, text: piece }
    const { code } = await applied(agent, { kind: 'workflowPut', value }, signal)
    if (code === 'ok') continue
    const why = `the ledger does not take the workflow: ${code}`
    throw new ApiRefusal(code === 'full' ? 'overloaded' : 'conflict', why, 'try again')
  }
}

const letters = '0123456789abcdefghjkmnpqrstvwxyz'

function newRunId(ids: Entropy): string {
  const random = ids.bytes(runLimits.idLength)
  return Array.from(random, (byte) => letters[byte & 31]).join('')
}
