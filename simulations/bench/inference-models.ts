/**
 * Models of both families as large as those that are learned, drawn by chance or grown from rows that
 * are, and rows to ask about.
 */
import { featureNames } from '../../models/features/features.ts'
import type { Forest, Tree } from '../../models/forest.ts'
import { predictionModel } from '../../models/nets/graphs.ts'
import { firstParameters, type NetShape } from '../../models/nets/layout.ts'
import { bytesOf } from '../../models/onnx/write.ts'
import { levels } from '../../models/rows.ts'
import { boosted } from '../../models/trees/boost.ts'
import { modelOfForest } from '../../models/trees/export.ts'
import { treeLimits } from '../../models/trees/limits.ts'
import { assert } from '../../protocol/assert.ts'
import { below, type Entropy } from '../../protocol/ports/entropy.ts'

export const FEATURES = featureNames.length
/** What is known of a host, and of a task on a host; all else is of the stage, and of its task so far. */
const ofHost = ['host said too little', 'host speed', 'load', 'cpus', 'memory']
const ofBoth = ['host said too little of task']
/** From which a forest is grown: enough for all the leaves that it may have. */
const LESSONS = 3_000
const STEP = 0.5
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

/** As trees are taught: where features jump, times do, and the rest is chance. */
export function grownForest(entropy: Entropy): Uint8Array {
  const jumps = Array.from({ length: FEATURES }, () => entropy.unit())
  const rows = Array.from({ length: LESSONS }, () => {
    return Float32Array.from({ length: FEATURES }, () => entropy.unit())
  })
  const targets = Float32Array.from(rows, (row) =>
    row.reduce((sum, value, i) => sum + (value > (jumps[i] as number) ? STEP : 0), entropy.unit()),
  )
  return bytesOf(modelOfForest(boosted(entropy, rows, targets, levels)))
}

/** A row for each stage on each host, stage by stage, as a placement asks. */
export function someRows(entropy: Entropy, stages: number, hosts: number): Float32Array {
  const placesOf = (names: readonly string[]) => names.map((name) => featureNames.indexOf(name))
  const [hostPlaces, bothPlaces] = [placesOf(ofHost), placesOf(ofBoth)]
  assert(![...hostPlaces, ...bothPlaces].includes(-1), 'features of hosts must be known by name')
  const ofHosts = Array.from({ length: hosts }, () => hostPlaces.map(() => entropy.unit()))
  const rows = new Float32Array(stages * hosts * FEATURES)
  for (let stage = 0; stage < stages; stage++) {
    const ofStage = Float32Array.from({ length: FEATURES }, () => entropy.unit())
    for (const [host, known] of ofHosts.entries()) {
      const row = rows.subarray((stage * hosts + host) * FEATURES).subarray(0, FEATURES)
      row.set(ofStage)
      for (const [i, place] of hostPlaces.entries()) row[place] = known[i] as number
      for (const place of bothPlaces) row[place] = entropy.unit()
    }
  }
  return rows
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
