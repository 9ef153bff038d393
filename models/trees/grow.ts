/**
 * One tree: the leaf that gains most is cut in two, until there are enough. What is gained is how much
 * more alike the pulls of the rows on each side are.
 */
import type { Tree } from '../forest.ts'
import type { Binned } from './bins.ts'
import { treeLimits as limits } from './limits.ts'

/** The value of a leaf, from the rows in it. */
export type Settle = (rows: Int32Array) => number

interface Leaf {
  readonly node: number
  readonly rows: Int32Array
  readonly sums: Sums
  readonly cut: Cut | undefined
}

interface Cut {
  readonly feature: number
  /** This one and those below go left. */
  readonly step: number
  readonly gain: number
}

/** Pulls and rows of each step of each feature that is looked at. */
interface Sums {
  readonly pulls: Float64Array
  readonly counts: Int32Array
}

export interface Growing {
  readonly binned: Binned
  /** Features that this tree may look at. */
  readonly features: Int32Array
  /** Of each row: to which side, and how much, it would move what is said. */
  readonly pulls: Float32Array
  readonly settle: Settle
  readonly output: number
}

export function grown(growing: Growing, rows: Int32Array): Tree {
  const nodes = new Nodes()
  const leaves = [leafOf(growing, nodes.add(), rows, sumsOf(growing, rows))]
  while (leaves.length < limits.leavesMax) {
    const best = leaves.reduce((a, b) => ((b.cut?.gain ?? 0) > (a.cut?.gain ?? 0) ? b : a))
    const { cut } = best
    if (cut === undefined) break
    const [left, right] = parted(best.rows, growing.binned.steps[cut.feature] as Uint8Array, cut)
    const threshold = (growing.binned.edges[cut.feature] as Float32Array)[cut.step] as number
    const [leftNode, rightNode] = [nodes.add(), nodes.add()]
    nodes.part(best.node, cut.feature, threshold, leftNode, rightNode)
    // Only the smaller side is counted: the other is what is left.
    const isLeftSmaller = left.length < right.length
    const smaller = sumsOf(growing, isLeftSmaller ? left : right)
    const larger = without(best.sums, smaller)
    const [leftSums, rightSums] = isLeftSmaller ? [smaller, larger] : [larger, smaller]
    leaves.splice(leaves.indexOf(best), 1)
    leaves.push(leafOf(growing, leftNode, left, leftSums))
    leaves.push(leafOf(growing, rightNode, right, rightSums))
  }
  for (const { node, rows: of } of leaves) nodes.settle(node, growing.settle(of))
  return nodes.tree(growing.output)
}

function leafOf(growing: Growing, node: number, rows: Int32Array, sums: Sums): Leaf {
  return { node, rows, sums, cut: bestCut(growing, rows, sums) }
}

function sumsOf({ binned, features, pulls }: Growing, rows: Int32Array): Sums {
  const sums = {
    pulls: new Float64Array(features.length * limits.binsMax),
    counts: new Int32Array(features.length * limits.binsMax),
  }
  for (let f = 0; f < features.length; f++) {
    const steps = binned.steps[features[f] as number] as Uint8Array
    const from = f * limits.binsMax
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number
      const at = from + (steps[row] as number)
      sums.pulls[at] = (sums.pulls[at] as number) + (pulls[row] as number)
      sums.counts[at] = (sums.counts[at] as number) + 1
    }
  }
  return sums
}

function without(all: Sums, some: Sums): Sums {
  return {
    pulls: all.pulls.map((sum, i) => sum - (some.pulls[i] as number)),
    counts: all.counts.map((count, i) => count - (some.counts[i] as number)),
  }
}

/** Undefined where nothing is gained, or a side would have too few. */
function bestCut(growing: Growing, rows: Int32Array, sums: Sums): Cut | undefined {
  const { length: count } = rows
  if (count < 2 * limits.leafRowsMin) return undefined
  let total = 0
  for (let i = 0; i < count; i++) total += growing.pulls[rows[i] as number] as number
  const before = (total * total) / count
  let best: Cut | undefined
  for (const [f, feature] of growing.features.entries()) {
    const cuts = (growing.binned.edges[feature] as Float32Array).length
    let [pulls, left] = [0, 0]
    for (let step = 0; step < cuts; step++) {
      const at = f * limits.binsMax + step
      pulls += sums.pulls[at] as number
      left += sums.counts[at] as number
      const right = count - left
      if (right < limits.leafRowsMin) break
      if (left < limits.leafRowsMin) continue
      const gain = (pulls * pulls) / left + (total - pulls) ** 2 / right - before
      if (gain > (best?.gain ?? GAIN_MIN)) best = { feature, step, gain }
    }
  }
  return best
}

/** Less is rounding. */
const GAIN_MIN = 1e-6

function parted(rows: Int32Array, steps: Uint8Array, { step }: Cut): [Int32Array, Int32Array] {
  const left = new Int32Array(rows.length)
  const right = new Int32Array(rows.length)
  let [lefts, rights] = [0, 0]
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    if ((steps[row] as number) <= step) left[lefts++] = row
    else right[rights++] = row
  }
  return [left.slice(0, lefts), right.slice(0, rights)]
}

/** A tree while it grows: all nodes are leaves until they are parted. */
class Nodes {
  readonly #feature: number[] = []
  readonly #threshold: number[] = []
  readonly #left: number[] = []
  readonly #right: number[] = []
  readonly #value: number[] = []

  add(): number {
    this.#threshold.push(0)
    this.#left.push(0)
    this.#right.push(0)
    this.#value.push(0)
    return this.#feature.push(-1) - 1
  }

  part(node: number, feature: number, threshold: number, left: number, right: number): void {
    this.#feature[node] = feature
    this.#threshold[node] = threshold
    this.#left[node] = left
    this.#right[node] = right
  }

  settle(node: number, value: number): void {
    this.#value[node] = value
  }

  tree(output: number): Tree {
    return {
      output,
      feature: Int32Array.from(this.#feature),
      threshold: Float32Array.from(this.#threshold),
      left: Int32Array.from(this.#left),
      right: Int32Array.from(this.#right),
      value: Float32Array.from(this.#value),
    }
  }
}
