/** Trees as they grow: which features they may look at, and where they are cut so far. */
import { type Entropy, shuffle } from '../../../protocol/ports/entropy.ts'
import type { Cuts, Stepped } from './cuts.ts'
import { treesLimits as limits } from './limits.ts'

export interface Branch {
  readonly feature: number
  /** Up to this step goes left, what is beyond goes right. */
  readonly step: number
}

/** By number, as in a heap: below node n are 2n + 1 and 2n + 2. What is not cut is a leaf. */
export type Branches = ReadonlyMap<number, Branch>

/** With what it says: for each node that is a leaf how far it moves each of the three quantiles. */
export interface GrownTree {
  readonly branches: Branches
  readonly leaves: ReadonlyMap<number, readonly [number, number, number]>
}

/** What may be looked at: drawn by lot that all hosts know, as far as there may be so many cuts. */
export function featuresOf(cuts: Cuts, chance: Entropy): readonly number[] {
  const chosen: number[] = []
  let count = 0
  for (const feature of shuffle(chance, [...cuts.keys()])) {
    const { length } = cuts[feature] as Float32Array
    if (length === 0 || count + length > limits.cutsMax) continue
    count += length
    chosen.push(feature)
  }
  return chosen.sort((a, b) => a - b)
}

/** Where a row comes to, as far as the tree is cut. */
export function nodeOf(branches: Branches, { steps }: Stepped, row: number): number {
  let node = 0
  for (;;) {
    const branch = branches.get(node)
    if (branch === undefined) return node
    const step = (steps[branch.feature] as Uint8Array)[row] as number
    node = 2 * node + (step <= branch.step ? 1 : 2)
  }
}

export function leavesOf(branches: Branches): number[] {
  if (branches.size === 0) return [0]
  const below = [...branches.keys()].flatMap((node) => [2 * node + 1, 2 * node + 2])
  return below.filter((node) => !branches.has(node)).sort((a, b) => a - b)
}
