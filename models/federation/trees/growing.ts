/**
 * The leader's part: the trees of one bag as they grow, one row of nodes after the other, from sums of
 * what groups of hosts have counted. A group whose sum no rows could give, or of which none came, is
 * out for the rest of the bag. Where trees are cut is decided by all groups together; what their leaves
 * say, by each group and by all (`settling.ts`).
 */
import { assert } from '../../../protocol/assert.ts'
import type { Cuts } from './cuts.ts'
import { treesLimits as limits } from './limits.ts'
import {
  added,
  areLeafCountsPossible,
  arePossible,
  bestCut,
  type NodeCounts,
  without,
} from './node-counts.ts'
import { type Asked, cellCounts, cellsOf, leafCounts } from './questions.ts'
import { type LeafSums, settled } from './settling.ts'
import { type Branch, type GrownTree, leavesOf } from './structure.ts'

export interface BagPlan {
  readonly bag: number
  /** Of each tree, the features that it may look at. */
  readonly features: readonly (readonly number[])[]
  /** Cuts from the root to a leaf; 0 for trees that say the same of all. */
  readonly depth: number
  readonly spread: number
  /** What of the bag's answer is taken. */
  readonly rate: number
  /** Of how many hosts each group is. */
  readonly groups: readonly number[]
}

interface Tree {
  readonly features: readonly number[]
  readonly branches: Map<number, Branch>
  /** Of nodes that may still be cut: what each group counts in them. */
  open: Map<number, readonly (NodeCounts | undefined)[]>
  asked: readonly number[]
  leaves: ReadonlyMap<number, readonly (LeafSums | undefined)[]>
}

export class Growing {
  readonly #plan: BagPlan
  readonly #cuts: Cuts
  readonly #trees: readonly Tree[]
  readonly #isIn: boolean[]
  #depth = 0
  #phase: 'cuts' | 'leaves' | 'grown'

  constructor(plan: BagPlan, cuts: Cuts) {
    this.#plan = plan
    this.#cuts = cuts
    this.#isIn = plan.groups.map(() => true)
    this.#phase = plan.depth > 0 ? 'cuts' : 'leaves'
    this.#trees = plan.features.map((features) => ({
      features,
      branches: new Map(),
      open: new Map(),
      asked: [0],
      leaves: new Map(),
    }))
  }

  /** What all hosts are asked next; undefined when all is known, or no group is left. */
  asked(): Asked | undefined {
    if (this.#phase === 'grown' || !this.#isIn.includes(true)) return undefined
    const trees = this.#trees.map(({ features, branches, asked }) => ({
      features,
      branches: new Map(branches),
      nodes: asked,
    }))
    return { bag: this.#plan.bag, about: this.#phase, trees, spread: this.#plan.spread }
  }

  /** One sum of each group, in their order. */
  take(sums: readonly (Int32Array | undefined)[]): void {
    assert(sums.length === this.#isIn.length, 'each group must have its say')
    if (this.#phase === 'leaves') this.#takeLeaves(sums)
    else this.#takeCuts(sums)
  }

  /** Which groups are believed, by their places. */
  get groups(): readonly number[] {
    return [...this.#isIn.keys()].filter((group) => this.#isIn[group])
  }

  /** What the leaves say by what these groups have counted; without trees that are no good. */
  settled(groups: readonly number[]): readonly GrownTree[] {
    assert(this.#phase === 'grown', 'trees must be grown before they say anything')
    const share = this.#plan.rate / this.#trees.length
    return this.#trees.flatMap(({ branches, leaves }) => {
      const sums = new Map(
        [...leaves].map(([node, of]) => [node, joined(groups.map((group) => of[group]))]),
      )
      return settled(branches, sums, { spread: this.#plan.spread, share }) ?? []
    })
  }

  #takeCuts(sums: readonly (Int32Array | undefined)[]): void {
    const found = sums.map((sum, group) => sum && this.#nodesIn(sum, group))
    this.#leaveOut(found)
    for (const [t, tree] of this.#trees.entries()) {
      const open = new Map<number, (NodeCounts | undefined)[]>()
      for (const group of this.groups) {
        for (const [node, counts] of found[group]?.[t] ?? []) {
          const of = open.get(node) ?? []
          of[group] = counts
          open.set(node, of)
        }
      }
      tree.open = open
      this.#cut(tree)
    }
    this.#depth++
    const isLast = this.#depth === this.#plan.depth
    if (!isLast && this.#trees.some(({ asked }) => asked.length > 0)) return
    this.#phase = 'leaves'
    for (const tree of this.#trees) tree.asked = leavesOf(tree.branches)
  }

  #cut(tree: Tree): void {
    const lefts: number[] = []
    for (const [node, of] of tree.open) {
      const counts = this.groups.map((group) => of[group] as NodeCounts)
      const branch = bestCut(counts, tree.features, this.#cuts)
      if (branch === undefined) continue
      tree.branches.set(node, branch)
      lefts.push(2 * node + 1)
    }
    tree.asked = lefts
  }

  /**
   * By tree, what a group has counted in the nodes that were asked about and, since what goes right is
   * what does not go left, beside them. Undefined where no rows could give it.
   */
  #nodesIn(sum: Int32Array, group: number): ReadonlyMap<number, NodeCounts>[] | undefined {
    let at = 0
    const trees: Map<number, NodeCounts>[] = []
    for (const { features, asked, open } of this.#trees) {
      const nodes = new Map<number, NodeCounts>()
      const length = cellCounts * cellsOf(features, this.#cuts)
      for (const node of asked) {
        const counts = sum.slice(at, at + length)
        nodes.set(node, counts)
        const above = node > 0 ? open.get((node - 1) >> 1)?.[group] : undefined
        if (above) nodes.set(node + 1, without(above, counts))
        at += length
      }
      const rowsMax = this.#rowsMaxOf(group)
      for (const counts of nodes.values()) {
        if (!arePossible(counts, features, this.#cuts, rowsMax)) return undefined
      }
      trees.push(nodes)
    }
    return trees
  }

  #takeLeaves(sums: readonly (Int32Array | undefined)[]): void {
    const found = sums.map((sum, group) => sum && this.#leavesIn(sum, group))
    this.#leaveOut(found)
    for (const [t, tree] of this.#trees.entries()) {
      tree.leaves = new Map(
        tree.asked.map((node) => [
          node,
          found.map((of, group) => (this.#isIn[group] ? of?.[t]?.get(node) : undefined)),
        ]),
      )
    }
    this.#phase = 'grown'
  }

  #leavesIn(sum: Int32Array, group: number): ReadonlyMap<number, LeafSums>[] | undefined {
    const rowsMax = this.#rowsMaxOf(group)
    const trees: Map<number, LeafSums>[] = []
    let at = 0
    for (const { asked } of this.#trees) {
      const leaves = new Map<number, LeafSums>()
      for (const node of asked) {
        const counts = sum.slice(at, at + leafCounts)
        if (!areLeafCountsPossible(counts, rowsMax)) return undefined
        leaves.set(node, counts)
        at += leafCounts
      }
      if (!areLeafCountsPossible(added([...leaves.values()]), rowsMax)) return undefined
      trees.push(leaves)
    }
    return trees
  }

  #rowsMaxOf(group: number): number {
    return limits.rowsMax * (this.#plan.groups[group] as number)
  }

  #leaveOut(found: readonly unknown[]): void {
    for (const [group, of] of found.entries()) if (of === undefined) this.#isIn[group] = false
  }
}

function joined(of: readonly (LeafSums | undefined)[]): LeafSums {
  return added(of.filter((sums) => sums !== undefined))
}
