/**
 * A workflow made ready for running: stages as numbers, what each waits for and what waits for it,
 * how far it is from the end, and whatever is the same for all runs. Made once for a hash, and
 * shared by all runs of it.
 */

import { assert } from '../../../protocol/assert.ts'
import { fingerprintOf, takesNoTime } from '../../../protocol/work/fingerprint.ts'
import { dependantsOf, needsOf } from '../../../protocol/workflow/graph/graph.ts'
import { topologicalOrder } from '../../../protocol/workflow/graph/order.ts'
import { stageGraph } from '../../../protocol/workflow/graph/workflow-graph.ts'
import { targetsOf } from '../../../protocol/workflow/language/roles.ts'
import type { Stage, StepKind, Workflow } from '../../../protocol/workflow/model.ts'
import { featuresOf, isConstant, renderDemands } from '../../placement/demands.ts'
import type { Demands } from '../../placement/policy.ts'
import { inJson, inStage, inWork, type Reads, readsOf } from './reads.ts'
import type { RenderedWork } from './rendering.ts'

/** A stage, with everything about it that does not change from run to run. */
export interface Plan {
  readonly index: number
  readonly stage: Stage
  readonly needs: Int32Array
  readonly dependants: Int32Array
  /** Those of its needs that choose whether it runs. */
  readonly choosers: readonly number[]
  readonly compensate: number | undefined
  readonly fallback: number | undefined
  /** Stages on the longest way from it to an end. */
  readonly rank: number
  /** Its place in an order in which each comes after all that it needs. */
  readonly order: number
  /** Some expression reads how it ended. */
  isRead: boolean
  /** Some stage asks to be near it, or far from it. */
  isCompany: boolean
  /** Some stage asks for its files, or it may have to stand in for one whose files are asked for. */
  isSource: boolean
  /** Stages that its own expressions read. */
  readonly reads: readonly number[] | 'all'
  /** An agent does it. */
  readonly isWork: boolean
  readonly features: readonly string[]
  /** Where they are the same for all: a name for them, and for what is set aside with them. */
  readonly demands: Demands | undefined
  readonly demandsKey: string | undefined
  readonly affinity: readonly number[]
  readonly antiAffinity: readonly number[]
  readonly artifactsFrom: readonly number[]
  readonly isConstant: boolean
  /** Of what kind its attempts are; undefined where nothing is to be learnt of them. */
  readonly fingerprint: string | undefined
  /** It takes no time wherever it is done: only the way there does. */
  readonly isInstant: boolean
  /** What an agent is given, when that is the same for all; made when it is first needed. */
  work: RenderedWork | undefined
}

export interface Compiled {
  readonly hash: string
  readonly workflow: Workflow
  readonly plans: readonly Plan[]
  readonly indexOf: ReadonlyMap<string, number>
  /** Stages that start by themselves, by section. */
  readonly ordinary: Readonly<Record<Stage['section'], readonly number[]>>
  /** Stages that the outputs of a run read. */
  readonly reads: readonly number[] | 'all'
}

const workKinds: ReadonlySet<StepKind> = new Set(['run', 'http', 'function', 'container'])

export function compile(hash: string, workflow: Workflow): Compiled {
  const { stages } = workflow
  const indexOf = new Map(stages.map(({ name }, i) => [name, i]))
  const indices = (names: Iterable<string>) => [...names].flatMap((name) => indexOf.get(name) ?? [])
  const indexed = (reads: Reads) => (reads === 'all' ? reads : indices(reads))
  const graph = stageGraph(stages)
  const sorted = topologicalOrder(graph)
  assert(sorted.ok, 'a parsed workflow has no cycle')
  const places = new Int32Array(stages.length)
  sorted.order.forEach((node, place) => {
    places[node] = place
  })
  const ranks = new Int32Array(stages.length)
  for (let i = sorted.order.length - 1; i >= 0; i--) {
    const node = sorted.order[i]!
    for (const need of needsOf(graph, node)) ranks[need] = Math.max(ranks[need]!, ranks[node]! + 1)
  }
  const choosers: number[][] = stages.map(() => [])
  stages.forEach(({ step }, i) => {
    if (step.kind !== 'choose') return
    for (const target of indices(targetsOf(step))) choosers[target]!.push(i)
  })
  const plans = stages.map((stage, index): Plan => {
    const { where, resources } = stage
    const isWork = workKinds.has(stage.step.kind)
    const needed = featuresOf(workflow, stage)
    const demands = isWork && isConstant(where) ? renderDemands(where, {}).demands : undefined
    const isParticular = where.spread !== undefined || where.affinity || where.antiAffinity
    const isAlike = demands !== undefined && !isParticular && stage.artifactsFrom.length === 0
    return {
      index,
      stage,
      needs: needsOf(graph, index),
      dependants: dependantsOf(graph, index),
      choosers: choosers[index]!,
      compensate: stage.compensate === undefined ? undefined : indexOf.get(stage.compensate),
      fallback: stage.fallback === undefined ? undefined : indexOf.get(stage.fallback),
      rank: ranks[index]!,
      order: places[index]!,
      isRead: false,
      isCompany: false,
      isSource: false,
      reads: indexed(readsOf(inStage(stage, workflow.env))),
      isWork,
      features: needed,
      demands,
      demandsKey: isAlike ? JSON.stringify([demands, resources, needed]) : undefined,
      affinity: indices(where.affinity?.stages ?? []),
      antiAffinity: indices(where.antiAffinity?.stages ?? []),
      artifactsFrom: indices(stage.artifactsFrom),
      isConstant: isWork && inWork(stage, workflow.env).next().done === true,
      fingerprint: fingerprintOf(stage),
      isInstant: takesNoTime(stage),
      work: undefined,
    }
  })
  const reads = indexed(
    readsOf(Object.values(workflow.outputs).flatMap(({ value }) => [...inJson(value)])),
  )
  markRead(plans, reads)
  const section = (name: Stage['section']) =>
    plans.filter((p) => p.stage.section === name && p.stage.role === 'ordinary').map((p) => p.index)
  const ordinary = {
    stages: section('stages'),
    onFailure: section('onFailure'),
    finally: section('finally'),
  }
  return { hash, workflow, plans, indexOf, ordinary, reads }
}

function markRead(plans: readonly Plan[], ofOutputs: readonly number[] | 'all'): void {
  let isAllRead = false
  const mark = (reads: readonly number[] | 'all') => {
    if (reads !== 'all') for (const index of reads) plans[index]!.isRead = true
    else if (!isAllRead) {
      isAllRead = true
      for (const plan of plans) plan.isRead = true
    }
  }
  mark(ofOutputs)
  for (const { reads, affinity, antiAffinity, artifactsFrom } of plans) {
    mark(reads)
    for (const each of [affinity, antiAffinity]) {
      for (const index of each) plans[index]!.isCompany = true
    }
    for (const index of artifactsFrom) {
      const { fallback } = plans[index]!
      plans[index]!.isSource = true
      if (fallback !== undefined) plans[fallback]!.isSource = true
    }
  }
}
