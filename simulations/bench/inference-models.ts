/** Models of both families as large as those that are learned, drawn by chance, and rows to ask about. */
import type { Forest, Tree } from '../../models/forest.ts'
import { predictionModel } from '../../models/nets/graphs.ts'
import { firstParameters, quantiles } from '../../models/nets/layout.ts'
import { bytesOf } from '../../models/onnx/write.ts'
import { modelOfForest } from '../../models/trees/export.ts'
import { below, type Entropy } from '../../protocol/ports/entropy.ts'

export const FEATURES = 48
const HIDDEN = [64, 64]
const DEPTH = 6

export function someNet(entropy: Entropy): Uint8Array {
  const shape = { features: FEATURES, hidden: HIDDEN }
  return bytesOf(predictionModel(shape, firstParameters(shape, entropy, { centre: 9, spread: 1 })))
}

/** Full trees that look at any feature and go either way as often: the hardest to foresee. */
export function someForest(entropy: Entropy, trees: number): Uint8Array {
  const forest: Forest = {
    features: FEATURES,
    base: new Float32Array(quantiles.length),
    trees: Array.from({ length: trees }, (_, i) => fullTree(entropy, i % quantiles.length)),
  }
  return bytesOf(modelOfForest(forest))
}

export function someRows(entropy: Entropy, rows: number): Float32Array {
  return Float32Array.from({ length: rows * FEATURES }, () => entropy.unit())
}

function fullTree(entropy: Entropy, output: number): Tree {
  const branches = 2 ** DEPTH - 1
  const count = 2 * branches + 1
  const of = (value: (node: number) => number) => Array.from({ length: count }, (_, i) => value(i))
  return {
    output,
    feature: Int32Array.from(of((i) => (i < branches ? below(entropy, FEATURES) : -1))),
    threshold: Float32Array.from(of(() => entropy.unit())),
    left: Int32Array.from(of((i) => 2 * i + 1)),
    right: Int32Array.from(of((i) => 2 * i + 2)),
    value: Float32Array.from(of(() => entropy.unit())),
  }
}
