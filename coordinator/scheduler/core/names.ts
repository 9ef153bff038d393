/** What expressions may speak of in a run, under the names that `protocol/workflow/check/scope.ts` promises. */
import { unitStates } from '../../../protocol/work/states.ts'
import {
  type Fields,
  Timestamp,
  type Value,
} from '../../../protocol/workflow/expressions/values.ts'
import { inputNames } from '../../../protocol/workflow/inputs.ts'
import type { Json } from '../../../protocol/workflow/shape/shape.ts'
import type { Compiled, Plan } from './compiled.ts'
import type { Run } from './run.ts'

/** For a stage; with its item, where it has come to that. */
export function namesFor(
  run: Run,
  plan: Plan,
  item?: { readonly value: Value; readonly index: number },
): Fields {
  const stages = stagesFor(run, plan.reads)
  const names = { inputs: inputsOf(run), run: runFor(run, plan), stages }
  return item === undefined ? names : { ...names, item: item.value, index: BigInt(item.index) }
}

/** For what the whole run says or hands on. */
export function namesForOutputs(run: Run): Fields {
  return { inputs: inputsOf(run), run: runNames(run), stages: stagesFor(run, run.compiled.reads) }
}

/** Before there is a run of it: for the key of its concurrency. */
export function namesBefore(
  { workflow }: Pick<Compiled, 'workflow'>,
  inputs: Readonly<Record<string, Json>>,
  run: { id: string; by: string; startedMs: number; labels: Readonly<Record<string, string>> },
): Fields {
  return { inputs: inputNames(workflow, inputs), run: { ...plainRun(workflow.name, run) } }
}

function plainRun(
  workflow: string,
  { id, by, startedMs, labels }: Parameters<typeof namesBefore>[2],
): Fields {
  return { id, workflow, startedBy: by, startedAt: new Timestamp(startedMs), labels }
}

function inputsOf(run: Run): Fields {
  run.inputs ??= inputNames(run.compiled.workflow, JSON.parse(run.spec.inputs))
  return run.inputs
}

function runNames(run: Run): Fields {
  const { id, startedMs, labels, spec } = run
  run.named ??= plainRun(spec.name, { id, by: spec.by, startedMs, labels })
  return run.named
}

/** After the stages it is known how they ended. */
function runFor(run: Run, { stage }: Plan): Fields {
  if (stage.section === 'stages') return runNames(run)
  const failed = run.failed.map((index) => run.compiled.plans[index]!.stage.name)
  return { ...runNames(run), state: stateOfStages(run), failed }
}

/** How the stages came out, all of them together. */
export function stateOfStages(run: Run): 'succeeded' | 'failed' | 'cancelled' {
  const isWhole = run.failed.length === 0 && run.cancelled === 0
  if (run.stop > 0) return isWhole ? 'succeeded' : 'cancelled'
  if (run.failed.length > 0) return 'failed'
  return isWhole ? 'succeeded' : 'cancelled'
}

function stagesFor(run: Run, reads: readonly number[] | 'all'): Fields {
  const stages: Record<string, Value> = {}
  const { plans } = run.compiled
  if (reads === 'all') for (const plan of plans) stages[plan.stage.name] = stageFields(run, plan)
  else for (const index of reads) stages[plans[index]!.stage.name] = stageFields(run, plans[index]!)
  return stages
}

const stateNames: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(unitStates).map(([name, number]) => [number, name]),
)

const noOutputs: Fields = {}

/** One that was never called, or not yet, counts as skipped. */
function stageFields(run: Run, { index, stage }: Plan): Fields {
  const over = run.over[index]!
  const fact = run.facts.get(index)
  const fields: Record<string, Value> = {
    state: over === 0 ? 'skipped' : stateNames[over]!,
    outputs: fact?.outputs ?? (stage.forEach ? [] : noOutputs),
    attempts: BigInt(fact?.attempts ?? 0),
    error: { class: fact?.errorClass ?? '', message: fact?.message ?? '' },
    node: fact?.node ?? '',
  }
  const exitCode = fact?.exitCode ?? (over === unitStates.succeeded ? 0 : undefined)
  if (exitCode !== undefined) fields.exitCode = BigInt(exitCode)
  return fields
}
