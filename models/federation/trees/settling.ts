/**
 * What leaves say, from how far rows in them lie off what is said so far; and pruning by validation: a
 * cut stays only if what comes of it does better on rows that were held back (Quinlan 1987), and a tree
 * only if it does better than none.
 */
import { pinball } from '../../measures/duration.ts'
import { levels } from '../../rows.ts'
import { treesLimits as limits } from './limits.ts'
import { added } from './node-counts.ts'
import { offCounts, offEdges } from './questions.ts'
import type { Branch, Branches, GrownTree } from './structure.ts'

/** By quantile and step: rows that are learned from; then rows that are held back. */
export type LeafSums = Int32Array

type Moves = readonly [number, number, number]

export interface Settling {
  readonly spread: number
  /** What of its answer a tree may say. */
  readonly share: number
}

interface Grown {
  readonly sums: LeafSums
  /** Of what is held back. */
  readonly loss: number
  readonly branches: readonly (readonly [number, Branch])[]
  readonly leaves: readonly (readonly [number, Moves])[]
}

/** Undefined for a tree that is no better than none. */
export function settled(
  branches: Branches,
  leaves: ReadonlyMap<number, LeafSums>,
  how: Settling,
): GrownTree | undefined {
  const root = grownFrom(0, branches, leaves, how)
  if (root.loss > lossOf([0, 0, 0], root.sums, how)) return undefined
  return { branches: new Map(root.branches), leaves: new Map(root.leaves) }
}

function grownFrom(
  node: number,
  branches: Branches,
  leaves: ReadonlyMap<number, LeafSums>,
  how: Settling,
): Grown {
  const branch = branches.get(node)
  if (branch === undefined) return leafOf(node, leaves.get(node) as LeafSums, how)
  const left = grownFrom(2 * node + 1, branches, leaves, how)
  const right = grownFrom(2 * node + 2, branches, leaves, how)
  const whole = leafOf(node, added([left.sums, right.sums]), how)
  const loss = left.loss + right.loss
  if (whole.loss < loss) return whole
  return {
    sums: whole.sums,
    loss,
    branches: [[node, branch], ...left.branches, ...right.branches],
    leaves: [...left.leaves, ...right.leaves],
  }
}

function leafOf(node: number, sums: LeafSums, how: Settling): Grown {
  const moves = levels.map((level, k) => {
    const counts = sums.subarray(k * limits.offSteps, (k + 1) * limits.offSteps)
    const rows = counts.reduce((sum, count) => sum + count, 0)
    const off = rows === 0 ? 0 : quantileIn(counts, rows, level) * how.spread
    // As it will be in the model: all hosts must go on from the same.
    return Math.fround((how.share * off * rows) / (rows + limits.doubt))
  }) as unknown as Moves
  return { sums, loss: lossOf(moves, sums, how), branches: [], leaves: [[node, moves]] }
}

/** As if rows lay evenly in each step. */
function quantileIn(counts: Int32Array, rows: number, level: number): number {
  let before = 0
  for (const [step, count] of counts.entries()) {
    if (count > 0 && before + count >= level * rows) {
      const [from, to] = [offEdges[step] as number, offEdges[step + 1] as number]
      return from + ((to - from) * (level * rows - before)) / count
    }
    before += count
  }
  return offEdges.at(-1) as number
}

function lossOf(moves: Moves, sums: LeafSums, { spread }: Settling): number {
  let loss = 0
  for (const [k, level] of levels.entries()) {
    for (let step = 0; step < limits.offSteps; step++) {
      const count = sums[offCounts + k * limits.offSteps + step] as number
      if (count === 0) continue
      const middle = ((offEdges[step] as number) + (offEdges[step + 1] as number)) / 2
      loss += count * pinball(level, moves[k] as number, middle * spread)
    }
  }
  return loss
}
