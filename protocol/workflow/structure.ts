/** The structure of a workflow, for plans: its order, tracks, widths, long ways and doubtful needs. */

import { assert } from '../assert.ts'
import { redundantNeeds } from './graph/ancestry.ts'
import { topologicalOrder } from './graph/order.ts'
import { bottlenecksOf, criticalPath, levelsOf, tracksOf } from './graph/paths.ts'
import { stageGraph } from './graph/workflow-graph.ts'
import type { Stage } from './model.ts'

/** Stages and needs visited for hints: about a second in the worst case, a few milliseconds mostly. */
const HINT_VISITS_MAX = 200_000_000

export interface Structure {
  /** Names of stages, each after all that it needs. Those that are called are not in it. */
  readonly order: readonly string[]
  /** Stages that can run at the same time, level by level. */
  readonly widths: readonly number[]
  /** Chains without branches, in the order of their first stage. */
  readonly tracks: readonly (readonly string[])[]
  readonly criticalPath: readonly string[]
  readonly criticalPathMs: number
  /** How much later each may end without the whole ending later. */
  readonly slackMs: ReadonlyMap<string, number>
  /** Through which everything goes. */
  readonly bottlenecks: readonly string[]
  /** Needs that say nothing new. */
  readonly redundant: readonly { readonly stage: string; readonly need: string }[]
  /** False when the graph is so wide that not all needs were looked at. */
  readonly redundantComplete: boolean
}

/** `durationMs` of a stage, where it is known or guessed; equal ones give the longest chain. */
export function structureOf(
  all: readonly Stage[],
  durationMs: (stage: Stage) => number,
): Structure {
  const stages = all.filter(({ role, section }) => role === 'ordinary' && section === 'stages')
  const graph = stageGraph(stages)
  const sorted = topologicalOrder(graph)
  assert(sorted.ok, 'a parsed workflow has no cycle')
  const { order } = sorted
  const nameOf = (node: number) => stages[node]!.name
  const names = (nodes: Iterable<number>) => [...nodes].map(nameOf)
  const tracks = tracksOf(graph, order)
  const chains: string[][] = Array.from({ length: tracks.count }, () => [])
  for (const node of order) chains[tracks.of[node]!]!.push(nameOf(node))
  const critical = criticalPath(graph, order, stages.map(durationMs))
  const { redundant, complete } = redundantNeeds(graph, order, HINT_VISITS_MAX)
  return {
    order: names(order),
    widths: [...levelsOf(graph, order).widths],
    tracks: chains,
    criticalPath: names(critical.nodes),
    criticalPathMs: critical.lengthMs,
    slackMs: new Map(stages.map(({ name }, node) => [name, critical.slackMs[node]!])),
    bottlenecks: names(bottlenecksOf(graph, order)),
    redundant: redundant.map(({ node, need }) => ({ stage: nameOf(node), need: nameOf(need) })),
    redundantComplete: complete,
  }
}
