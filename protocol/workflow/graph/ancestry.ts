/**
 * Who comes before whom, over any number of stages between. Asked for many pairs at once: 32
 * ancestors are followed through the graph in one pass, one bit each.
 */
import { dependantsOf, type Graph, needsOf } from './graph.ts'

export interface Pair {
  readonly ancestor: number
  readonly node: number
}

const BITS = 32

/** Which of the pairs hold, in their order. Nobody is their own ancestor. */
export function areAncestors(graph: Graph, order: Int32Array, pairs: readonly Pair[]): boolean[] {
  const bySource = new Map<number, number[]>()
  pairs.forEach(({ ancestor }, i) => {
    const known = bySource.get(ancestor)
    if (known) known.push(i)
    else bySource.set(ancestor, [i])
  })
  const sources = [...bySource.keys()]
  const holds: boolean[] = new Array(pairs.length).fill(false)
  const placeOf = placesIn(order)
  for (let from = 0; from < sources.length; from += BITS) {
    const some = sources.slice(from, from + BITS)
    const reached = reachedFrom(graph, order, placeOf, some)
    some.forEach((source, bit) => {
      for (const i of bySource.get(source)!) {
        holds[i] = hasBit(reached.at[pairs[i]!.node]!, bit)
      }
    })
  }
  return holds
}

function hasBit(bits: number, bit: number): boolean {
  return ((bits >>> bit) & 1) === 1
}

function placesIn(order: Int32Array): Int32Array {
  const placeOf = new Int32Array(order.length)
  order.forEach((node, place) => {
    placeOf[node] = place
  })
  return placeOf
}

interface Reached {
  /** For each node, a bit for each source that leads to it. */
  readonly at: Int32Array
  /** The same, but only over at least one node between. */
  readonly indirectly: Int32Array
}

function reachedFrom(
  graph: Graph,
  order: Int32Array,
  placeOf: Int32Array,
  sources: readonly number[],
): Reached {
  const at = new Int32Array(graph.size)
  const indirectly = new Int32Array(graph.size)
  const own = new Int32Array(graph.size)
  sources.forEach((source, bit) => {
    own[source]! |= 1 << bit
  })
  const first = sources.reduce((least, source) => Math.min(least, placeOf[source]!), order.length)
  for (let place = first; place < order.length; place++) {
    const node = order[place]!
    let direct = 0
    let bits = 0
    for (const need of needsOf(graph, node)) {
      direct |= own[need]!
      bits |= at[need]!
    }
    indirectly[node] = bits
    at[node] = bits | direct
  }
  return { at, indirectly }
}

export interface Redundant {
  readonly node: number
  /** It is needed anyway, by way of another need. */
  readonly need: number
}

/**
 * Needs that say nothing new (what transitive reduction would leave out). In a wide graph that is
 * more work than a hint is worth: beyond `visitsMax` nodes and edges it stops and says so.
 */
export function redundantNeeds(
  graph: Graph,
  order: Int32Array,
  visitsMax: number,
): { redundant: Redundant[]; complete: boolean } {
  const sources = new Set<number>()
  for (let node = 0; node < graph.size; node++) {
    const needs = needsOf(graph, node)
    if (needs.length > 1) for (const need of needs) sources.add(need)
  }
  const placeOf = placesIn(order)
  const all = [...sources].sort((a, b) => placeOf[a]! - placeOf[b]!)
  const redundant: Redundant[] = []
  const passesMax = Math.floor(visitsMax / (graph.size + graph.needs.length + 1))
  const looked = all.slice(0, passesMax * BITS)
  for (let from = 0; from < looked.length; from += BITS) {
    const some = looked.slice(from, from + BITS)
    const reached = reachedFrom(graph, order, placeOf, some)
    some.forEach((need, bit) => {
      for (const node of dependantsOf(graph, need)) {
        if (hasBit(reached.indirectly[node]!, bit)) redundant.push({ node, need })
      }
    })
  }
  redundant.sort((a, b) => a.node - b.node || a.need - b.need)
  return { redundant, complete: looked.length === all.length }
}
