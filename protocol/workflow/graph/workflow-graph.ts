/** The graph of a workflow's stages, by the needs that they name. */
import type { Stage } from '../model.ts'
import { type Graph, graphOf } from './graph.ts'

/** Node `i` is stage `i`. Needs that name no stage are left out: they are mistakes already. */
export function stageGraph(stages: readonly Stage[]): Graph {
  const index = new Map(stages.map(({ name }, i) => [name, i]))
  return graphOf(stages.map(({ needs }) => needs.flatMap((name) => index.get(name) ?? [])))
}
