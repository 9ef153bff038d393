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

/** Of rows of features, one after the other: quantiles, which never cross. */
export function saidBy(forest: Forest, features: Float32Array): Float32Array {
  const outputs = forest.base.length
  const rows = features.length / forest.features
  const said = new Float32Array(outputs * rows)
  for (let row = 0; row < rows; row++) {
    const of = features.subarray(row * forest.features, (row + 1) * forest.features)
    said.set(sumOf(forest, of).sort(), outputs * row)
  }
  return said
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
