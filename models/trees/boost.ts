/**
 * A forest that says quantiles: each tree moves what the ones before it said, as far as the loss of
 * that quantile wants it (gradient boosting; leaves hold the quantile of what is left over, as in
 * LightGBM). The same rows and the same entropy grow the same forest.
 */
import { type Entropy, shuffle } from '../../protocol/ports/entropy.ts'
import type { Forest, Tree } from '../forest.ts'
import { quantile } from '../measures/quantiles.ts'
import { type Binned, binned } from './bins.ts'
import { grown } from './grow.ts'
import { treeLimits as limits } from './limits.ts'

/** One output for each of `levels`. There is at least one row. */
export function boosted(
  entropy: Entropy,
  rows: readonly Float32Array[],
  targets: Float32Array,
  levels: readonly number[],
): Forest {
  const features = rows[0]?.length ?? 0
  const all = binned(rows, features)
  const base = Float32Array.from(levels, (level) => quantile(targets.toSorted(), level))
  const trees = levels.flatMap((level, output) =>
    grownFor(entropy.stream(`p${level}`), all, targets, level, output, base[output] as number),
  )
  return { features, base, trees }
}

function grownFor(
  entropy: Entropy,
  all: Binned,
  targets: Float32Array,
  level: number,
  output: number,
  base: number,
): Tree[] {
  const said = new Float32Array(all.rows).fill(base)
  const pulls = new Float32Array(all.rows)
  const left = new Float32Array(all.rows)
  const trees: Tree[] = []
  for (let round = 0; round < limits.rounds; round++) {
    for (let row = 0; row < all.rows; row++) {
      left[row] = (targets[row] as number) - (said[row] as number)
      pulls[row] = (left[row] as number) > 0 ? level : level - 1
    }
    const settle = (rows: Int32Array) => {
      const of = new Float32Array(rows.length)
      for (let i = 0; i < rows.length; i++) of[i] = left[rows[i] as number] as number
      return limits.rate * quantile(of.sort(), level)
    }
    const features = someOf(entropy, all.steps.length, limits.featureShare)
    const rows = someRows(entropy, all.rows)
    const tree = grown({ binned: all, features, pulls, settle, output }, rows)
    for (let row = 0; row < all.rows; row++) {
      said[row] = (said[row] as number) + valueAt(tree, all, row)
    }
    trees.push(tree)
  }
  return trees
}

/** At least one, in order. */
function someOf(entropy: Entropy, size: number, share: number): Int32Array {
  const all = shuffle(entropy, [...Array(size).keys()])
  return Int32Array.from(all.slice(0, Math.max(1, Math.round(size * share)))).sort()
}

/** All of them where there are few. */
function someRows(entropy: Entropy, size: number): Int32Array {
  const rows = new Int32Array(size)
  let count = 0
  const share = size * limits.rowShare < 4 * limits.leafRowsMin ? 1 : limits.rowShare
  for (let row = 0; row < size; row++) if (entropy.unit() < share) rows[count++] = row
  return rows.slice(0, count)
}

/** The same as `sumOf` of the forest finds: steps and thresholds part the rows alike. */
function valueAt(tree: Tree, { steps, edges }: Binned, row: number): number {
  let node = 0
  for (;;) {
    const feature = tree.feature[node] as number
    if (feature < 0) return tree.value[node] as number
    const step = (steps[feature] as Uint8Array)[row] as number
    const cut = edges[feature] as Float32Array
    // A step's values are no greater than its edge; the last step has none.
    const isLeft = step < cut.length && (cut[step] as number) <= (tree.threshold[node] as number)
    node = (isLeft ? tree.left : tree.right)[node] as number
  }
}
