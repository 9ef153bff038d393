/**
 * What is known of one node from the counts of many hosts: whether rows can give such counts, and
 * where it is best cut. A sum that no rows could give is of somebody who lies, and nothing in it is
 * believed.
 */
import { levels } from '../../rows.ts'
import type { Cuts } from './cuts.ts'
import { treesLimits as limits } from './limits.ts'
import { cellCounts, leafCounts, offCounts } from './questions.ts'
import type { Branch } from './structure.ts'

/** Of cuts: all rows first, then each step of each feature. */
export type NodeCounts = Int32Array

export function added(all: readonly NodeCounts[]): NodeCounts {
  const [first] = all
  const sum = new Int32Array(first?.length ?? 0)
  for (const one of all)
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (one[i] as number)
  return sum
}

export function without(all: NodeCounts, some: NodeCounts): NodeCounts {
  return all.map((count, i) => count - (some[i] as number))
}

export function arePossible(
  counts: NodeCounts,
  features: readonly number[],
  cuts: Cuts,
  rowsMax: number,
): boolean {
  if ((counts[0] as number) > rowsMax) return false
  for (let cell = 0; cell < counts.length; cell += cellCounts) {
    const rows = counts[cell] as number
    for (let k = 1; k < cellCounts; k++) {
      const below = counts[cell + k] as number
      if (below < 0 || below > rows) return false
    }
  }
  let cell = 1
  for (const feature of features) {
    const { length } = cuts[feature] as Float32Array
    // The last step is what is left of all, and must hold rows of which as many lie below as are left.
    const left = counts.slice(0, cellCounts)
    for (let i = cellCounts * cell; i < cellCounts * (cell + length); i++) {
      left[i % cellCounts] = (left[i % cellCounts] as number) - (counts[i] as number)
    }
    if (left.some((count) => count < 0 || count > (left[0] as number))) return false
    cell += length
  }
  return true
}

/** Each row is once in the steps of each quantile. */
export function areLeafCountsPossible(counts: Int32Array, rowsMax: number): boolean {
  if (counts.some((count) => count < 0)) return false
  for (let side = 0; side < leafCounts; side += offCounts) {
    const totals = levels.map((_, k) => {
      const from = side + k * limits.offSteps
      return counts.slice(from, from + limits.offSteps).reduce((sum, count) => sum + count, 0)
    })
    if (totals.some((total) => total !== totals[0] || total > rowsMax)) return false
  }
  return true
}

/**
 * What is gained is what groups gain, each by itself: so none can take away what another has seen. In
 * squares of deviations. Undefined where that is no more than chance gives, or too few rows are left.
 */
export function bestCut(
  groups: readonly NodeCounts[],
  features: readonly number[],
  cuts: Cuts,
): Branch | undefined {
  const before = groups.map((counts) => pullOf(counts.subarray(0, cellCounts)))
  let best: Branch | undefined
  let most: number = limits.gainMin
  let cell = 1
  for (const feature of features) {
    const { length } = cuts[feature] as Float32Array
    const lefts = groups.map(() => new Int32Array(cellCounts))
    for (let step = 0; step < length; step++, cell++) {
      let [gain, rowsLeft, rowsRight] = [0, 0, 0]
      for (const [g, counts] of groups.entries()) {
        const left = lefts[g] as Int32Array
        for (let i = 0; i < cellCounts; i++) {
          left[i] = (left[i] as number) + (counts[cellCounts * cell + i] as number)
        }
        const right = without(counts.subarray(0, cellCounts), left)
        rowsLeft += left[0] as number
        rowsRight += right[0] as number
        gain += pullOf(left) + pullOf(right) - (before[g] as number)
      }
      if (Math.min(rowsLeft, rowsRight) < limits.leafRowsMin) continue
      if (gain > most) [most, best] = [gain, { feature, step }]
    }
  }
  return best
}

/** How far rows are from lying as quantiles want them: squares of deviations, of all three together. */
function pullOf(counts: Int32Array): number {
  const rows = counts[0] as number
  if (rows === 0) return 0
  return levels.reduce((sum, level, k) => {
    const pull = level * rows - (counts[1 + k] as number)
    return sum + (pull * pull) / (rows * level * (1 - level))
  }, 0)
}
