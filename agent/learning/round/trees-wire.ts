/**
 * What is said of trees in a round: what hosts are asked to count, and what has grown of it. Counts
 * travel under masks alone. Field numbers are for ever.
 */
import { cutCount } from '../../../models/federation/trees/cuts.ts'
import { treesLimits } from '../../../models/federation/trees/limits.ts'
import type { Asked } from '../../../models/federation/trees/questions.ts'
import type { Branches, GrownTree } from '../../../models/federation/trees/structure.ts'
import {
  field,
  float,
  type Infer,
  message,
  nested,
  repeated,
  uint,
} from '../../../protocol/wire/schema.ts'

const leavesMax = 2 ** treesLimits.depthMax

const BranchTold = message('RoundBranch', {
  node: field(1, uint()),
  feature: field(2, uint()),
  step: field(3, uint()),
})

const LeafTold = message('RoundLeaf', {
  node: field(1, uint()),
  p10: field(2, float()),
  p50: field(3, float()),
  p90: field(4, float()),
})

const TreeAsked = message('RoundTreeAsked', {
  features: repeated(1, uint(), cutCount),
  branches: repeated(2, nested(BranchTold), leavesMax),
  nodes: repeated(3, uint(), leavesMax),
})

export const BagAsked = message('RoundBagAsked', {
  /** From one time that a bag is begun in this round to the next. */
  attempt: field(1, uint()),
  /** One more than its place in `abouts`. */
  about: field(2, uint()),
  trees: repeated(3, nested(TreeAsked), treesLimits.inBag),
  spread: field(4, float()),
})
export type BagAsked = Infer<typeof BagAsked>

export const TreeTold = message('RoundTree', {
  branches: repeated(1, nested(BranchTold), leavesMax),
  leaves: repeated(2, nested(LeafTold), leavesMax),
})
export type TreeTold = Infer<typeof TreeTold>

const abouts = ['cuts', 'leaves'] as const

export function askedTold({ about, trees, spread }: Asked, attempt: number): BagAsked {
  return {
    attempt,
    about: abouts.indexOf(about) + 1,
    trees: trees.map(({ features, branches, nodes }) => ({
      features: [...features],
      branches: branchesTold(branches),
      nodes: [...nodes],
    })),
    spread,
  }
}

/** Undefined of what cannot be asked. */
export function askedIn({ attempt, about: place, trees, spread }: BagAsked): Asked | undefined {
  const about = abouts[place - 1]
  if (about === undefined) return undefined
  const read = trees.map((tree) => ({ ...tree, branches: branchesIn(tree.branches) }))
  return { bag: attempt, about, trees: read, spread }
}

export function treeTold({ branches, leaves }: GrownTree): TreeTold {
  return {
    branches: branchesTold(branches),
    leaves: [...leaves].map(([node, [p10, p50, p90]]) => ({ node, p10, p50, p90 })),
  }
}

export function treeIn({ branches, leaves }: TreeTold): GrownTree {
  return {
    branches: branchesIn(branches),
    leaves: new Map(leaves.map(({ node, p10, p50, p90 }) => [node, [p10, p50, p90]] as const)),
  }
}

function branchesTold(branches: Branches): TreeTold['branches'] {
  return [...branches].map(([node, branch]) => ({ node, ...branch }))
}

function branchesIn(told: TreeTold['branches']): Branches {
  return new Map(told.map(({ node, feature, step }) => [node, { feature, step }]))
}
