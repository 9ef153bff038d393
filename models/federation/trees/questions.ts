/**
 * What hosts are asked while trees grow, and how answers lie: counts alone, of rows that are in some
 * node. How far rows pull what is said up or down follows from them: a quantile wants a certain share
 * of rows below it.
 */
import { levels } from '../../rows.ts'
import type { Cuts } from './cuts.ts'
import { treesLimits as limits } from './limits.ts'
import type { Branches } from './structure.ts'

export interface AskedTree {
  readonly features: readonly number[]
  readonly branches: Branches
  /** Of which rows are counted: where a tree may be cut next, or its leaves. */
  readonly nodes: readonly number[]
}

export interface Asked {
  /** Which rows are drawn for a tree follows from the number of its bag, and its own. */
  readonly bag: number
  readonly about: 'cuts' | 'leaves'
  readonly trees: readonly AskedTree[]
  /** How wide the steps are by which it is told how far rows lie off. */
  readonly spread: number
}

/** Rows, and those that lie below each of the quantiles as they are said so far. */
export const cellCounts = 1 + levels.length

/** Of one node: all rows, then rows in each step of each feature but the last step. */
export function cellsOf(features: readonly number[], cuts: Cuts): number {
  return features.reduce((sum, feature) => sum + (cuts[feature] as Float32Array).length, 1)
}

/** Of one leaf: by how far off each quantile rows are, those to learn from and those held back. */
export const offCounts = levels.length * limits.offSteps
export const leafCounts = 2 * offCounts

export function countsIn(asked: Asked, cuts: Cuts): number {
  return asked.trees.reduce((sum, { features, nodes }) => {
    const each = asked.about === 'leaves' ? leafCounts : cellCounts * cellsOf(features, cuts)
    return sum + nodes.length * each
  }, 0)
}

/** Upper ends of the steps above nothing, at a spread of 1; below, the same mirrored. */
const ends = [0.03, 0.08, 0.16, 0.28, 0.45, 0.7, 1.1, 1.7, 2.6, 4] as const

/** From the least to the greatest: step i lies between the i-th and the next. */
export const offEdges = Float64Array.from([...ends.map((end) => -end).reverse(), 0, ...ends])

/** Which step; what is beyond the ends goes with them. */
export function offStepOf(off: number, spread: number): number {
  const at = off / spread
  let step = 0
  while (step < limits.offSteps - 1 && at >= (offEdges[step + 1] as number)) step++
  return step
}
