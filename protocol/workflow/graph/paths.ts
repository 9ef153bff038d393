/** How wide and how long a graph is: levels, tracks, the critical path, bottlenecks. */
import { dependantsOf, type Graph, needsOf } from './graph.ts'

export interface Levels {
  /** The level of each node: the most needs on any way to it. */
  readonly of: Int32Array
  /** How many nodes are at each level: what could run at the same time if all took equally long. */
  readonly widths: Int32Array
}

export function levelsOf(graph: Graph, order: Int32Array): Levels {
  const of = new Int32Array(graph.size)
  let depth = 0
  for (const node of order) {
    let level = 0
    for (const need of needsOf(graph, node)) level = Math.max(level, of[need]! + 1)
    of[node] = level
    depth = Math.max(depth, level + 1)
  }
  const widths = new Int32Array(depth)
  for (const level of of) widths[level]!++
  return { of, widths }
}

/**
 * Tracks that run beside each other: chains of nodes, each the only dependant of the one before and
 * needing only it. Every node is in exactly one. Returns the track of each node.
 */
export function tracksOf(graph: Graph, order: Int32Array): { of: Int32Array; count: number } {
  const of = new Int32Array(graph.size)
  let count = 0
  for (const node of order) {
    const needs = needsOf(graph, node)
    const only = needs.length === 1 ? needs[0]! : -1
    const goesOn = only >= 0 && dependantsOf(graph, only).length === 1
    of[node] = goesOn ? of[only]! : count++
  }
  return { of, count }
}

export interface CriticalPath {
  /** From the first node to the last. */
  readonly nodes: readonly number[]
  readonly lengthMs: number
  /** How much later each node may end without the whole ending later. */
  readonly slackMs: Float64Array
  readonly startMs: Float64Array
}

/** `durationMs` of each node. Of equally long ways, the one through the first nodes of the file. */
export function criticalPath(
  graph: Graph,
  order: Int32Array,
  durationMs: ArrayLike<number>,
): CriticalPath {
  const { size } = graph
  const startMs = new Float64Array(size)
  const before = new Int32Array(size).fill(-1)
  let last = -1
  let lengthMs = 0
  for (const node of order) {
    for (const need of needsOf(graph, node)) {
      const end = startMs[need]! + durationMs[need]!
      if (end > startMs[node]! || before[node] === -1) {
        startMs[node] = end
        before[node] = need
      }
    }
    const end = startMs[node]! + durationMs[node]!
    if (last === -1 || end > lengthMs) {
      last = node
      lengthMs = end
    }
  }
  const nodes: number[] = []
  for (let node = last; node !== -1; node = before[node]!) nodes.push(node)
  return {
    nodes: nodes.reverse(),
    lengthMs,
    slackMs: slack(graph, order, durationMs, startMs, lengthMs),
    startMs,
  }
}

function slack(
  graph: Graph,
  order: Int32Array,
  durationMs: ArrayLike<number>,
  startMs: Float64Array,
  lengthMs: number,
): Float64Array {
  const latestEnd = new Float64Array(graph.size).fill(lengthMs)
  const slackMs = new Float64Array(graph.size)
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!
    const latestStart = latestEnd[node]! - durationMs[node]!
    slackMs[node] = latestStart - startMs[node]!
    for (const need of needsOf(graph, node)) {
      latestEnd[need] = Math.min(latestEnd[need]!, latestStart)
    }
  }
  return slackMs
}

/**
 * Where everything comes together and goes apart again: nodes with several needs and several
 * dependants that are before or after every other node, so that nothing runs beside them.
 *
 * In a topological order, all before a node lead to it exactly when each of them is taken up at the
 * latest by it; all after it come from it exactly when each of them needs it or one after it.
 */
export function bottlenecksOf(graph: Graph, order: Int32Array): number[] {
  const placeOf = new Int32Array(graph.size)
  order.forEach((node, place) => {
    placeOf[node] = place
  })
  const latestNeed = (node: number) =>
    needsOf(graph, node).reduce((latest, need) => Math.max(latest, placeOf[need]!), -1)
  const firstTaker = (node: number) =>
    dependantsOf(graph, node).reduce((first, by) => Math.min(first, placeOf[by]!), graph.size)
  const allAfterLead = new Uint8Array(graph.size)
  let earliest = graph.size
  for (let place = graph.size - 1; place >= 0; place--) {
    allAfterLead[place] = earliest >= place ? 1 : 0
    earliest = Math.min(earliest, latestNeed(order[place]!))
  }
  const found: number[] = []
  let latest = -1
  for (let place = 0; place < graph.size; place++) {
    const node = order[place]!
    const isBetween = needsOf(graph, node).length > 1 && dependantsOf(graph, node).length > 1
    if (isBetween && latest <= place && allAfterLead[place] === 1) found.push(node)
    latest = Math.max(latest, firstTaker(node))
  }
  return found
}
