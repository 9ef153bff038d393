/**
 * Stages and what they need as numbers and flat arrays (compressed rows), so that a hundred thousand
 * of them are walked without following pointers, and without recursion.
 */
import { assert } from '../../assert.ts'

export interface Graph {
  readonly size: number
  /** Where the needs of each node begin in `needs`; one more entry than nodes. */
  readonly needsFrom: Int32Array
  readonly needs: Int32Array
  /** The same the other way: who needs it. */
  readonly dependantsFrom: Int32Array
  readonly dependants: Int32Array
}

/** `needs[i]` holds the indices of what node `i` needs. */
export function graphOf(needs: readonly (readonly number[])[]): Graph {
  const size = needs.length
  const edges = needs.reduce((sum, each) => sum + each.length, 0)
  const needsFrom = new Int32Array(size + 1)
  const dependantsFrom = new Int32Array(size + 1)
  const all = new Int32Array(edges)
  let at = 0
  for (let node = 0; node < size; node++) {
    for (const need of needs[node]!) {
      assert(need >= 0 && need < size, 'a need is a node of the graph', { node, need })
      all[at++] = need
      dependantsFrom[need + 1]!++
    }
    needsFrom[node + 1] = at
  }
  for (let node = 0; node < size; node++) dependantsFrom[node + 1]! += dependantsFrom[node]!
  const dependants = new Int32Array(edges)
  const next = dependantsFrom.slice(0, size)
  for (let node = 0; node < size; node++) {
    for (let i = needsFrom[node]!; i < needsFrom[node + 1]!; i++) {
      dependants[next[all[i]!]!++] = node
    }
  }
  return { size, needsFrom, needs: all, dependantsFrom, dependants }
}

export function needsOf({ needs, needsFrom }: Graph, node: number): Int32Array {
  return needs.subarray(needsFrom[node]!, needsFrom[node + 1]!)
}

export function dependantsOf({ dependants, dependantsFrom }: Graph, node: number): Int32Array {
  return dependants.subarray(dependantsFrom[node]!, dependantsFrom[node + 1]!)
}
