/**
 * What a host lets itself be asked in one bag: one row of nodes after the other, each node once, and
 * then the leaves. So whoever asks, and lies, learns of the hosts that are in a sum what honest leaders
 * learn as well, and cannot have the same rows counted again without one of them.
 */
import type { Cuts } from './cuts.ts'
import { treesLimits as limits } from './limits.ts'
import type { Asked, AskedTree } from './questions.ts'
import { type Branch, type Branches, leavesOf } from './structure.ts'
import { areBranchesWhole } from './whole.ts'

export class Interview {
  readonly #cuts: Cuts
  #before: readonly AskedTree[] | undefined
  /** Rows of nodes that were asked about. */
  #depth = 0
  #isOver = false

  constructor(cuts: Cuts) {
    this.#cuts = cuts
  }

  /** Whether nothing was asked yet. */
  get isNew(): boolean {
    return this.#before === undefined
  }

  /** What is wrong with it; undefined where it may be asked next. */
  wrongIn(asked: Asked): string | undefined {
    if (this.#isOver) return 'all of this bag was asked already'
    const wrong = this.#wrongInAll(asked) ?? this.#wrongBeside(asked)
    if (wrong !== undefined) return wrong
    this.#before = asked.trees
    this.#depth++
    this.#isOver = asked.about === 'leaves'
    return undefined
  }

  #wrongInAll({ trees, spread, about }: Asked): string | undefined {
    if (trees.length === 0 || trees.length > limits.inBag) return 'it is of too many trees, or none'
    if (!(spread > 0 && spread <= limits.firstSpread)) return 'its steps are too wide, or none'
    if (about === 'cuts' && this.#depth >= limits.depthMax) return 'its trees are too deep'
    for (const { features, branches, nodes } of trees) {
      if (!this.#areFeatures(features)) return 'its features are too many, or none that there are'
      if (!areBranchesWhole(branches, this.#cuts)) return 'its trees are not whole'
      if ([...branches.values()].some(({ feature }) => !features.includes(feature))) {
        return 'its trees are cut by what they may not look at'
      }
      const able = new Set(about === 'leaves' ? leavesOf(branches) : this.#rowOf(branches))
      const isOnce = new Set(nodes).size === nodes.length
      if (!isOnce || !nodes.every((node) => able.has(node))) return 'its nodes are not the next'
    }
    return undefined
  }

  /** Trees only grow, where they were asked about last. */
  #wrongBeside({ trees }: Asked): string | undefined {
    const before = this.#before
    if (before === undefined) {
      return trees.some(({ branches }) => branches.size > 0)
        ? 'its trees have grown unasked'
        : undefined
    }
    if (trees.length !== before.length) return 'its trees are others'
    const hasGrown = before.every(({ features, branches }, i) => {
      const now = trees[i] as AskedTree
      const isSame = now.features.join() === features.join()
      const isKept = [...branches].every(([node, branch]) =>
        isSameBranch(now.branches, node, branch),
      )
      const added = [...now.branches.keys()].filter((node) => !branches.has(node))
      return isSame && isKept && added.every((node) => depthOf(node) === this.#depth - 1)
    })
    return hasGrown ? undefined : 'its trees are others'
  }

  /** What goes right is what does not go left, and need not be asked. */
  #rowOf(branches: Branches): number[] {
    if (this.#depth === 0) return [0]
    const above = [...branches.keys()].filter((node) => depthOf(node) === this.#depth - 1)
    return above.map((node) => 2 * node + 1)
  }

  #areFeatures(features: readonly number[]): boolean {
    const isOrdered = features.every(
      (feature, i) => i === 0 || (features[i - 1] as number) < feature,
    )
    const lengths = features.map((feature) => this.#cuts[feature]?.length ?? Number.NaN)
    return isOrdered && lengths.reduce((sum, length) => sum + length, 0) <= limits.cutsMax
  }
}

function depthOf(node: number): number {
  return Math.floor(Math.log2(node + 1))
}

function isSameBranch(branches: Branches, node: number, { feature, step }: Branch) {
  const now = branches.get(node)
  return now?.feature === feature && now.step === step
}
