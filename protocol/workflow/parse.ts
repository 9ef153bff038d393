/**
 * Text into a `Workflow`, or into everything that is wrong with it. In this order: YAML, the shapes
 * of all parts, and when those are known, what they say to each other.
 */
import { assert } from '../assert.ts'
import { checkBranches } from './check/branches.ts'
import { checkDetails } from './check/details.ts'
import { Draft } from './check/draft.ts'
import { checkExpressions } from './check/expressions.ts'
import { checkMentions, checkNeeds } from './check/needs.ts'
import { checkPlacement } from './check/placement.ts'
import { checkSteps } from './check/steps.ts'
import { topologicalOrder } from './graph/order.ts'
import { stageGraph } from './graph/workflow-graph.ts'
import { withRoles } from './language/roles.ts'
import { stageOf, unreadable } from './language/stage-model.ts'
import { type WrittenWorkflow, workflow as workflowShape } from './language/workflow.ts'
import { workflowLimits as limits } from './limits.ts'
import { lineStartsOf, type Mistake, Mistakes } from './mistake.ts'
import { type Stage, sections, type Workflow } from './model.ts'
import type { Reading } from './shape/shape.ts'
import { readDocument } from './source/document.ts'
import { type Located, placeOf } from './source/located.ts'

export interface Place {
  readonly line: number
  readonly column: number
}

export type ParsedWorkflow =
  | {
      readonly ok: true
      readonly workflow: Workflow
      /** Where a part of it stands in the file, for hints that come later. */
      readonly placeOf: (path: readonly (string | number)[]) => Place
    }
  | {
      readonly ok: false
      /** In the order of the file, and no more than the limit. */
      readonly mistakes: readonly Mistake[]
      /** Those beyond the limit. */
      readonly more: number
    }

const PRIORITY = 50

export function parseWorkflow(text: string): ParsedWorkflow {
  const tooLong = text.length > limits.textLengthMax
  const mistakes = new Mistakes(tooLong ? [0] : lineStartsOf(text))
  const root = readDocument(text, mistakes)
  const written = root && readShapes(root, text, mistakes)
  if (mistakes.count > 0 || root === undefined || written === undefined) {
    return { ok: false, mistakes: mistakes.all(), more: mistakes.more }
  }
  return {
    ok: true,
    workflow: frozen(written),
    placeOf: (path) => mistakes.placeOf(placeOf(root, path)),
  }
}

function readShapes(root: Located, text: string, mistakes: Mistakes): Workflow | undefined {
  const reading: Reading = { text, mistakes, sites: [] }
  const written = workflowShape.read(root, [], reading)
  if (written === undefined) return undefined
  const stages = withRoles(
    sections.flatMap((section) =>
      Object.entries(written[section] ?? {}).map(([name, stage]) =>
        stageOf(name, section, stage, written.defaults ?? {}),
      ),
    ),
  )
  const graph = stageGraph(stages)
  const order = topologicalOrder(graph)
  const draft = new Draft({
    written,
    stages,
    graph,
    order: order.ok ? order.order : undefined,
    sites: reading.sites,
    text,
    root,
    mistakes,
  })
  check(draft)
  if (mistakes.count > 0) return undefined
  assert(!stages.some(({ step }) => step === unreadable), 'a step that cannot be read is a mistake')
  return workflowOf(written, stages)
}

function check(draft: Draft): void {
  checkSteps(draft)
  checkBranches(draft)
  checkNeeds(draft)
  const mentions = [...checkDetails(draft), ...checkPlacement(draft), ...checkExpressions(draft)]
  checkMentions(draft, mentions)
}

function workflowOf(written: WrittenWorkflow, stages: readonly Stage[]): Workflow {
  const { name, description, concurrency, deadline, timeout } = written
  return {
    name,
    labels: written.labels ?? {},
    inputs: written.inputs ?? {},
    outputs: written.outputs ?? {},
    env: written.env ?? {},
    secrets: written.secrets ?? {},
    priority: written.priority ?? PRIORITY,
    stages,
    ...(description === undefined ? {} : { description }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(deadline === undefined ? {} : { deadlineMs: deadline }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
  } as Workflow
}

/** All the way down; what is shared (a default) is frozen once. */
function frozen<T>(value: T): T {
  const waiting: unknown[] = [value]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next !== 'object' || next === null || Object.isFrozen(next)) continue
    Object.freeze(next)
    for (const part of Object.values(next))
      if (typeof part === 'object' && part !== null) waiting.push(part)
  }
  return value
}
