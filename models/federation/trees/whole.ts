/** Whether a tree that somebody else has sent can be one: each node is cut or says something, and all are reached. */
import type { Cuts } from './cuts.ts'
import { treesLimits as limits } from './limits.ts'
import type { Branches, GrownTree } from './structure.ts'

export function areBranchesWhole(branches: Branches, cuts: Cuts): boolean {
  return [...branches].every(([node, { feature, step }]) => {
    const isWithin = Number.isInteger(node) && node >= 0 && node < 2 ** limits.depthMax - 1
    const isReached = node === 0 || branches.has((node - 1) >> 1)
    const cut = cuts[feature]
    return isWithin && isReached && cut !== undefined && step >= 0 && step < cut.length
  })
}

/** `moveMax`: no leaf may say more. */
export function isWholeTree({ branches, leaves }: GrownTree, cuts: Cuts, moveMax: number): boolean {
  if (!areBranchesWhole(branches, cuts) || leaves.size !== branches.size + 1) return false
  return [...leaves].every(([node, moves]) => {
    const isLeaf = !branches.has(node) && (node === 0 || branches.has((node - 1) >> 1))
    // As they are in the model: what is said here is what it says.
    return isLeaf && moves.every((move) => Math.abs(move) <= moveMax && Math.fround(move) === move)
  })
}
