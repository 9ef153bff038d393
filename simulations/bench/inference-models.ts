/** Models of both families as large as those that are learned, drawn by chance, and rows to ask about. */
import { featureNames } from '../../models/features/features.ts'
import type { Forest, Tree } from '../../models/forest.ts'
import { predictionModel } from '../../models/nets/graphs.ts'
import { firstParameters, type NetShape } from '../../models/nets/layout.ts'
import { bytesOf } from '../../models/onnx/write.ts'
import { levels } from '../../models/rows.ts'
import { modelOfForest } from '../../models/trees/export.ts'
import { treeLimits } from '../../models/trees/limits.ts'
import { below, type Entropy } from '../../protocol/ports/entropy.ts'

export const FEATURES = featureNames.length
/** Of the host; the others are of the stage, and of its task so far. */
const HOST_FEATURES = 12
export const SHAPE: NetShape = { features: FEATURES, hidden: [64, 64] }
const START = { centre: 9, spread: 1 }
const DEPTH = Math.log2(treeLimits.leavesMax)

export function someNet(entropy: Entropy): Uint8Array {
  return bytesOf(predictionModel(SHAPE, beginning(entropy)))
}

export function beginning(entropy: Entropy): Float32Array {
  return firstParameters(SHAPE, entropy, START)
}

/** Full trees that look at any feature, and go either way as often. */
export function someForest(entropy: Entropy, trees: number): Uint8Array {
  const forest: Forest = {
    features: FEATURES,
    base: new Float32Array(levels.length),
    trees: Array.from({ length: trees }, (_, i) => fullTree(entropy, i % levels.length)),
  }
  return bytesOf(modelOfForest(forest))
}

/** A row for each stage on each host, stage by stage, as a placement asks. */
export function someRows(entropy: Entropy, stages: number, hosts: number): Float32Array {
  const ofHosts = Array.from({ length: hosts }, () => someNumbers(entropy, HOST_FEATURES))
  const rows = new Float32Array(stages * hosts * FEATURES)
  for (let stage = 0; stage < stages; stage++) {
    const ofStage = someNumbers(entropy, FEATURES - HOST_FEATURES)
    for (const [host, ofHost] of ofHosts.entries()) {
      rows.set([...ofStage, ...ofHost], (stage * hosts + host) * FEATURES)
    }
  }
  return rows
}

function someNumbers(entropy: Entropy, count: number): number[] {
  return Array.from({ length: count }, () => entropy.unit())
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
