/** In which order stages may run; and when they cannot, round which stages the needs go. */
import { dependantsOf, type Graph, needsOf } from './graph.ts'

export type Order =
  | { readonly ok: true; readonly order: Int32Array }
  /** Circles apart from each other. In each, one needs the next, and the last the first. */
  | { readonly ok: false; readonly cycles: readonly (readonly number[])[] }

/** Kahn's algorithm; of those that may go, the first in the file goes first in its wave. */
export function topologicalOrder(graph: Graph): Order {
  const { size } = graph
  const left = new Int32Array(size)
  const order = new Int32Array(size)
  let end = 0
  for (let node = 0; node < size; node++) {
    left[node] = needsOf(graph, node).length
    if (left[node] === 0) order[end++] = node
  }
  for (let i = 0; i < end; i++) {
    for (const dependant of dependantsOf(graph, order[i]!)) {
      if (--left[dependant]! === 0) order[end++] = dependant
    }
  }
  return end === size ? { ok: true, order } : { ok: false, cycles: cyclesAmong(graph, left) }
}

/**
 * Depth first along the needs of those that are left: a need that is still on the way closes a
 * circle. One that shares an end with a circle that is told already is not told again.
 */
function cyclesAmong(graph: Graph, left: Int32Array): number[][] {
  const cycles: number[][] = []
  const isTold = new Uint8Array(graph.size)
  const isSeen = new Uint8Array(graph.size)
  // On the way: its place in it, from 1.
  const stepOf = new Int32Array(graph.size)
  // Which of its needs comes next.
  const next = graph.needsFrom.slice(0, graph.size)
  for (let start = 0; start < graph.size; start++) {
    if (left[start] === 0 || isSeen[start] === 1) continue
    const way = [start]
    isSeen[start] = 1
    stepOf[start] = 1
    for (let node = way.at(-1); node !== undefined; node = way.at(-1)) {
      if (next[node]! === graph.needsFrom[node + 1]!) {
        way.pop()
        stepOf[node] = 0
        continue
      }
      const need = graph.needs[next[node]!++]!
      if (stepOf[need]! > 0 && isTold[need] === 0 && isTold[node] === 0) {
        const cycle = way.slice(stepOf[need]! - 1)
        for (const each of cycle) isTold[each] = 1
        cycles.push(fromFirst(cycle))
      } else if (left[need]! > 0 && isSeen[need] === 0) {
        isSeen[need] = 1
        stepOf[need] = way.push(need)
      }
    }
  }
  return cycles
}

/** It begins where the file does. */
function fromFirst(cycle: readonly number[]): number[] {
  const first = cycle.indexOf(cycle.reduce((a, b) => Math.min(a, b)))
  return [...cycle.slice(first), ...cycle.slice(0, first)]
}
