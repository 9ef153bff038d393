/**
 * Where the stages of a run stand in its tree. A graph is no tree, so each stage stands below the
 * last one that everything before it goes through: branches side by side under where they part, and
 * what comes after they meet again under all of them, as far left as where they parted.
 */
import { type Graph, graphOf, needsOf } from '../../protocol/workflow/graph/graph.ts'
import { topologicalOrder } from '../../protocol/workflow/graph/order.ts'
import type { RunTreeStage } from './run-tree.ts'

export interface RunTreeRow {
  /** Its place among the stages that were given. */
  readonly stage: number
  /** The branches to its left. */
  readonly prefix: string
}

/** More are a plain list, in an order in which they may run: nobody follows so many branches. */
const TREE_STAGES_MAX = 2_000
/** Deeper ones stand no further to the right. */
const DEPTH_MAX = 8

/** Every stage once, each after what it needs. To be made once for a run: needs do not change. */
export function layoutOf(
  stages: readonly Pick<RunTreeStage, 'name' | 'needs'>[],
): readonly RunTreeRow[] {
  const index = new Map(stages.map(({ name }, i) => [name, i]))
  const graph = graphOf(stages.map(({ needs }) => needs.flatMap((name) => index.get(name) ?? [])))
  const sorted = topologicalOrder(graph)
  const order = sorted.ok ? [...sorted.order] : stages.map((_, i) => i)
  if (!sorted.ok || stages.length > TREE_STAGES_MAX) {
    return order.map((stage) => ({ stage, prefix: '' }))
  }
  return new Layout(graph, order).rows
}

/** Above all that need nothing. */
const TOP = -1

class Layout {
  readonly rows: RunTreeRow[] = []
  private readonly graph: Graph
  /** Of each stage, the last one that everything before it goes through, and how many are above. */
  private readonly above: number[]
  private readonly depth: number[]
  private readonly below = new Map<number, number[]>()

  constructor(graph: Graph, order: readonly number[]) {
    this.graph = graph
    this.above = new Array(graph.size).fill(TOP)
    this.depth = new Array(graph.size).fill(0)
    for (const stage of order) this.hang(stage)
    this.phases(TOP, '', 0)
  }

  private hang(stage: number): void {
    const needs = [...needsOf(this.graph, stage)]
    const above = needs.length === 0 ? TOP : needs.reduce((a, b) => this.meeting(a, b))
    this.above[stage] = above
    this.depth[stage] = above === TOP ? 0 : this.depth[above]! + 1
    const siblings = this.below.get(above)
    if (siblings) siblings.push(stage)
    else this.below.set(above, [stage])
  }

  private meeting(a: number, b: number): number {
    while (a !== b) {
      if (a === TOP || b === TOP) return TOP
      if (this.depth[a]! >= this.depth[b]!) a = this.above[a]!
      else b = this.above[b]!
    }
    return a
  }

  /** What stands below a stage: one after the other, or where several may run at once, branches. */
  private phases(above: number, prefix: string, depth: number): void {
    for (const stages of this.phasesBelow(above)) {
      if (stages.length === 1) this.track(stages[0]!, prefix, prefix, depth)
      else {
        for (const [i, stage] of stages.entries()) {
          const last = i === stages.length - 1
          if (depth >= DEPTH_MAX) this.track(stage, prefix, prefix, depth)
          else {
            const [first, rest] = last ? ['└─ ', '   '] : ['├─ ', '│  ']
            this.track(stage, prefix + first, prefix + rest, depth + 1)
          }
        }
      }
    }
  }

  private track(stage: number, first: string, rest: string, depth: number): void {
    this.rows.push({ stage, prefix: first })
    this.phases(stage, rest, depth)
  }

  /** In an order in which they may run, those that do not wait for each other together. */
  private phasesBelow(above: number): readonly number[][] {
    const siblings = this.below.get(above) ?? []
    const phaseOf = new Map<number, number>()
    const phases: number[][] = []
    for (const stage of siblings) {
      let phase = 0
      for (const need of needsOf(this.graph, stage)) {
        const sibling = this.siblingAbove(need, above)
        if (sibling !== undefined) phase = Math.max(phase, phaseOf.get(sibling)! + 1)
      }
      phaseOf.set(stage, phase)
      const known = phases[phase]
      if (known) known.push(stage)
      else phases[phase] = [stage]
    }
    return phases
  }

  /** The stage right below `above` that this one is, or stands under. */
  private siblingAbove(stage: number, above: number): number | undefined {
    if (stage === above) return undefined
    let at = stage
    while (this.above[at] !== above) at = this.above[at]!
    return at
  }
}
