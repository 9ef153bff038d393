/** Trees that add up, whoever grew them. */

/** Nodes by number, the root first. */
export interface Tree {
  /** Which of the outputs it adds to. */
  readonly output: number
  /** The feature that is looked at, or -1 in a leaf. */
  readonly feature: Int32Array
  /** At most this goes left, more goes right. */
  readonly threshold: Float32Array
  readonly left: Int32Array
  readonly right: Int32Array
  /** Of leaves. */
  readonly value: Float32Array
}

export interface Forest {
  readonly features: number
  /** What each output starts from. */
  readonly base: Float32Array
  readonly trees: readonly Tree[]
}

export function sumOf(forest: Forest, features: Float32Array): Float32Array {
  const sum = forest.base.slice()
  for (const tree of forest.trees) {
    const { output } = tree
    sum[output] = (sum[output] as number) + leafOf(tree, features)
  }
  return sum
}

function leafOf(tree: Tree, features: Float32Array): number {
  let node = 0
  for (;;) {
    const feature = tree.feature[node] as number
    if (feature < 0) return tree.value[node] as number
    const isLeft = (features[feature] as number) <= (tree.threshold[node] as number)
    node = (isLeft ? tree.left : tree.right)[node] as number
  }
}
