/** Runs in the words of the API: what the ledger holds, beside what the workflow says. */

import type {
  AttemptView,
  RunHead,
  RunItem,
  RunRetry,
  RunSpec,
  RunView,
  UnitView,
} from '../../protocol/ledger/work-view.ts'
import { decode } from '../../protocol/wire/codec.ts'
import { Finished } from '../../protocol/work/attempt.ts'
import { topologicalOrder } from '../../protocol/workflow/graph/order.ts'
import { stageGraph } from '../../protocol/workflow/graph/workflow-graph.ts'
import { type Stage as StageModel, sections, type Workflow } from '../../protocol/workflow/model.ts'
import { keptBy } from '../../protocol/workflow/stage-set.ts'
import type { Attempt, Explanation, Item, Run, RunDetail, Stage } from '../api/run-schemas.ts'
import { SCHEMA_VERSION } from '../api/schemas.ts'
import type { Verdict } from '../placement/policy.ts'
import { seconds } from '../placement/words.ts'
import type { Explanation as Explained } from '../scheduler/core/explain.ts'
import { handedOnDocument } from './artifacts.ts'
import { chosenBy, skipWords, wholeIn } from './branches.ts'
import { runLimits } from './limits.ts'

export type NameOf = (node: string) => string

export function runDocument(head: RunHead, spec: Pick<RunSpec, 'workflow' | 'labels'>): Run {
  const { run, state, stop, name, by, startedMs, endedMs, stopBy, reason, parent } = head
  return {
    id: run,
    name,
    workflow: spec.workflow,
    state,
    stopping: stop,
    by,
    startedMs,
    ...(endedMs === undefined ? {} : { endedMs }),
    ...(stopBy === undefined ? {} : { stoppedBy: stopBy }),
    ...(reason === undefined ? {} : { reason }),
    ...(parent === undefined ? {} : { parent }),
    labels: spec.labels,
  }
}

export function itemDocument(item: RunItem): Run {
  return runDocument(item, item)
}

/** Stages in the order of the workflow. Without one that can be read: those that have begun. */
export function detailDocument(
  view: RunView,
  workflow: Workflow | undefined,
  fresh: boolean,
  nameOf: NameOf,
): RunDetail {
  const { head, spec, outputs } = view
  const { inputs, planHash, key, retry } = spec
  return {
    schemaVersion: SCHEMA_VERSION,
    run: runDocument(head, spec),
    inputs: shownInputs(JSON.parse(inputs) as Record<string, unknown>, workflow),
    ...(outputs === undefined ? {} : { outputs: JSON.parse(outputs) as unknown }),
    planHash,
    stale: !fresh,
    ...(key === undefined ? {} : { key }),
    ...(retry === undefined ? {} : { retryOf: retry.run, ...keptDocument(retry, workflow) }),
    stages: stageDocuments(view, workflow, nameOf),
  }
}

const MASK = '***'

/** Secret ones are shown to nobody. Where the workflow cannot be read, any may be one. */
function shownInputs(
  inputs: Readonly<Record<string, unknown>>,
  workflow: Workflow | undefined,
): Record<string, unknown> {
  const isShown = (name: string) => workflow?.inputs[name]?.secret === false
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [name, isShown(name) ? value : MASK]),
  )
}

/** A set of stages says nothing without the workflow. */
function keptDocument(retry: RunRetry, workflow: Workflow | undefined): { kept?: string[] } {
  if (workflow === undefined && retry.kept !== undefined) return {}
  return { kept: [...(workflow === undefined ? retry.keep : keptBy(retry, workflow))] }
}

export function stageDocuments(
  view: RunView,
  workflow: Workflow | undefined,
  nameOf: NameOf,
): Stage[] {
  const units = Map.groupBy(view.units, ({ stage }) => stage)
  if (workflow === undefined) {
    return [...units].map(([name, of]) => stageDocument(name, undefined, of, nameOf))
  }
  const whole = wholeIn(units)
  return inOrder(workflow)
    .filter(({ name, role }) => role === 'ordinary' || units.has(name))
    .map((stage) => {
      const document = stageDocument(stage.name, stage, units.get(stage.name) ?? [], nameOf)
      if (document.state !== 'skipped' || document.why !== undefined) return document
      return { ...document, why: skipWords(stage, workflow, whole) }
    })
}

const ordered = new WeakMap<Workflow, readonly StageModel[]>()

/**
 * As they may run: the text of a workflow in the ledger has them by name. Those that are called
 * come last, for they need nothing and would else stand before what they undo.
 */
export function inOrder(workflow: Workflow): readonly StageModel[] {
  const known = ordered.get(workflow)
  if (known !== undefined) return known
  const { stages } = workflow
  const sorted = topologicalOrder(stageGraph(stages))
  const inTurn = sorted.ok ? Array.from(sorted.order, (index) => stages[index]!) : [...stages]
  const place = ({ section, role }: StageModel) =>
    2 * sections.indexOf(section) + (role === 'ordinary' ? 0 : 1)
  inTurn.sort((a, b) => place(a) - place(b))
  ordered.set(workflow, inTurn)
  return inTurn
}

export function stageDocument(
  name: string,
  stage: StageModel | undefined,
  units: readonly UnitView[],
  nameOf: NameOf,
): Stage {
  const whole = units.find(({ item }) => item === undefined)
  const items = units.filter(({ item }) => item !== undefined)
  const chose = chosenBy(whole, stage)
  return {
    name,
    section: stage?.section ?? 'stages',
    kind: stage?.step.kind ?? 'unknown',
    needs: [...(stage?.needs ?? [])],
    ...(whole === undefined
      ? { state: 'pending', attempt: 0 }
      : withApprovers(unitDocument(whole, nameOf), stage)),
    ...(chose === undefined ? {} : { chose }),
    ...(whole?.items === undefined ? {} : { items: itemsDocument(whole.items, items, nameOf) }),
  }
}

function itemsDocument(
  count: number,
  units: readonly UnitView[],
  nameOf: NameOf,
): NonNullable<Stage['items']> {
  const states: Record<string, number> = {}
  for (const { state } of units) states[state] = (states[state] ?? 0) + 1
  if (units.length < count) states.pending = count - units.length
  const shown = units.slice(0, runLimits.itemsShownMax)
  return {
    count,
    states,
    units: shown.map((unit): Item => ({ item: unit.item ?? 0, ...unitDocument(unit, nameOf) })),
  }
}

type Unit = Omit<Item, 'item'>

/** Whom the workflow asks. */
function withApprovers(unit: Unit, stage: StageModel | undefined): Unit {
  if (unit.approval === undefined || stage?.approve === undefined) return unit
  const { roles, from } = stage.approve
  return { ...unit, approval: { ...unit.approval, roles: [...roles], from: [...from] } }
}

function unitDocument(unit: UnitView, nameOf: NameOf): Unit {
  const { state, node, readyMs, changedMs, raced = 0, rival } = unit
  const { outputs, attempts, approval, artifacts } = unit
  const attempt = Math.max(unit.attempt, raced)
  const document: Unit = { state, attempt, readyMs, changedMs }
  if (node !== undefined) Object.assign(document, { node, nodeName: nameOf(node) })
  for (const key of [
    'waitsFor',
    'dueMs',
    'detail',
    'key',
    'errorClass',
    'why',
    'exitCode',
    'adopted',
  ] as const) {
    if (unit[key] !== undefined) Object.assign(document, { [key]: unit[key] })
  }
  if (rival !== undefined) {
    const { node, assignedMs } = rival
    document.rival = { attempt: raced, node, nodeName: nameOf(node), assignedMs }
  }
  if (unit.raced !== undefined) document.counts = unit.attempt
  if (outputs !== undefined) document.outputs = JSON.parse(outputs) as unknown
  if (approval !== undefined) document.approval = approval
  if (artifacts !== undefined) {
    document.artifacts = artifacts.map((entry) => handedOnDocument(entry, nameOf))
  }
  if (attempts !== undefined) document.attempts = attempts.map((it) => attemptDocument(it, nameOf))
  return document
}

export function attemptDocument(view: AttemptView, nameOf: NameOf): Attempt {
  const { attempt, node, assignedMs, endedMs, record, outrun } = view
  const common = { attempt, node, nodeName: nameOf(node), assignedMs, endedMs }
  if (outrun) {
    return { ...common, outcome: 'cancelled', code: 'outrun', message: 'another attempt was first' }
  }
  const read = record === undefined ? undefined : decode(Finished, record)
  if (!read?.ok) return { ...common, outcome: 'lost' }
  const { outcome, usage, logTail } = read.value
  const tail = logTail === undefined ? {} : { logTail }
  const told = { ...common, usage, ...tail }
  switch (outcome.kind) {
    case 'succeeded':
      return { ...told, outcome: 'succeeded' }
    case 'failed': {
      const { errorClass, code, message, exitCode, signal } = outcome.value
      return {
        ...told,
        outcome: 'failed',
        errorClass,
        code,
        message,
        ...(exitCode === undefined ? {} : { exitCode }),
        ...(signal === undefined ? {} : { signal }),
      }
    }
    case 'cancelled':
      return { ...told, outcome: 'cancelled', message: outcome.value.reason }
    default: {
      const { which, afterMs } = outcome.value
      return { ...told, outcome: 'timedOut', code: which, message: `after ${seconds(afterMs)}` }
    }
  }
}

export function explanationDocument(
  { run, phase, why, stages, more }: Explained,
  nameOf: NameOf,
): Explanation {
  return {
    schemaVersion: SCHEMA_VERSION,
    run,
    phase,
    ...(why === undefined ? {} : { why }),
    stages: stages.map(({ needs, node, hosts, ...stage }) => ({
      ...stage,
      ...(needs === undefined ? {} : { needs: [...needs] }),
      ...(node === undefined ? {} : { node, nodeName: nameOf(node) }),
      ...(hosts === undefined ? {} : { hosts: hosts.map(verdictDocument) }),
    })),
    more,
  }
}

function verdictDocument({ host, refusals, score, reasons }: Verdict) {
  return {
    node: host.id,
    nodeName: host.name,
    refusals: [...refusals],
    ...(score === undefined ? {} : { score }),
    reasons: [...reasons],
  }
}
