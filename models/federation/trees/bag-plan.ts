/**
 * How a bag is grown: the first brings what is said of all to where the rows of all are, and the others
 * go on from there; one that is smaller is asked of hosts that have said much already.
 */
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import type { Cuts } from './cuts.ts'
import type { BagPlan } from './growing.ts'
import { countsInNumber, treesLimits as limits, perPeerBytes } from './limits.ts'
import { cellCounts, leafCounts } from './questions.ts'
import { featuresOf } from './structure.ts'

export interface BagSize {
  readonly trees: number
  readonly depth: number
}

export interface BagWanted {
  readonly bag: number
  /** Nothing has grown yet. */
  readonly isFirst: boolean
  readonly cuts: Cuts
  /** By which features are drawn. */
  readonly lots: Entropy
  /** Of how many hosts each group is. */
  readonly groups: readonly number[]
  readonly size?: BagSize
}

const usualSize: BagSize = { trees: limits.inBag, depth: limits.depthMax }
const firstSize: BagSize = { trees: 1, depth: 0 }
/** The largest first. */
const sizes: readonly BagSize[] = [
  usualSize,
  { trees: 1, depth: limits.depthMax },
  { trees: 1, depth: limits.depthMax - 1 },
  { trees: 1, depth: limits.depthMax - 2 },
]

export function bagPlan({ bag, isFirst, cuts, lots, groups, size }: BagWanted): BagPlan {
  const { trees, depth } = isFirst ? firstSize : (size ?? usualSize)
  return {
    bag,
    features: Array.from({ length: trees }, () => featuresOf(cuts, lots)),
    depth,
    spread: isFirst ? limits.firstSpread : 1,
    rate: isFirst ? 1 : limits.rate,
    groups,
  }
}

/** The largest bag for which no host says or is told more than so many bytes; undefined for none. */
export function sizeWithin(bytes: number, isFirst: boolean, hosts: number): BagSize | undefined {
  const able = isFirst ? [firstSize] : sizes
  return able.find((size) => bytesOf(size, hosts) <= bytes)
}

/** What a host says for a bag at most, and is told, with as many in a sum. */
export function bytesOf({ trees, depth }: BagSize, hosts: number): number {
  // One node stands for two: what goes right is what does not go left.
  const nodes = depth === 0 ? 0 : 2 ** (depth - 1)
  const counts = trees * (nodes * cellCounts * (1 + limits.cutsMax) + 2 ** depth * leafCounts)
  return (4 * counts) / countsInNumber + (depth + 1) * perPeerBytes * hosts
}
