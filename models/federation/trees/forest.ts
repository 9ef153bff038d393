/** Trees that hosts have grown together as any other forest, to be asked and to be made a model of. */
import type { Forest, Tree } from '../../forest.ts'
import { levels } from '../../rows.ts'
import type { Cuts } from './cuts.ts'
import type { GrownTree } from './structure.ts'

/** One tree for each quantile: they are cut alike and say something else. */
export function forestOf(
  trees: readonly GrownTree[],
  cuts: Cuts,
  start: readonly number[],
): Forest {
  return {
    features: cuts.length,
    base: Float32Array.from(start),
    trees: trees.flatMap((tree) => levels.map((_, output) => treeOf(tree, cuts, output))),
  }
}

function treeOf({ branches, leaves }: GrownTree, cuts: Cuts, output: number): Tree {
  const nodes = [...branches.keys(), ...leaves.keys()].sort((a, b) => a - b)
  const places = new Map(nodes.map((node, place) => [node, place]))
  const placeOf = (node: number) => (branches.has((node - 1) >> 1) ? (places.get(node) ?? 0) : 0)
  return {
    output,
    feature: Int32Array.from(nodes, (node) => branches.get(node)?.feature ?? -1),
    threshold: Float32Array.from(nodes, (node) => {
      const branch = branches.get(node)
      return branch === undefined ? 0 : (cuts[branch.feature]?.[branch.step] as number)
    }),
    left: Int32Array.from(nodes, (node) => placeOf(2 * node + 1)),
    right: Int32Array.from(nodes, (node) => placeOf(2 * node + 2)),
    value: Float32Array.from(nodes, (node) => leaves.get(node)?.[output] ?? 0),
  }
}
