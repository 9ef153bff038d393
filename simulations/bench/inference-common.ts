/** The models that all hosts have in common, as large as they may be, and rows as they are asked about. */
import { examplesOf, featureCount } from '../../models/federation/describing.ts'
import { describedCuts } from '../../models/federation/trees/cuts.ts'
import { treesLimits } from '../../models/federation/trees/limits.ts'
import type { GrownTree } from '../../models/federation/trees/structure.ts'
import { packed } from '../../models/registry/blob.ts'
import { firstCommon } from '../../models/registry/common.ts'
import { packedForest } from '../../models/registry/forest-blob.ts'
import type { Row } from '../../models/rows.ts'
import { below, type Entropy } from '../../protocol/ports/entropy.ts'

export const COMMON_FEATURES = featureCount
const BRANCHES = 2 ** treesLimits.depthMax - 1
const INPUT_BYTES_MAX = 2 ** 32
const MEMORY_BYTES_MAX = 2 ** 37
const CPUS_MAX = 64

export function commonNet(entropy: Entropy): Uint8Array {
  return packed(firstCommon(entropy))
}

/** Whole trees, cut wherever trees of hosts may be, as many as there may be. */
export function commonForest(entropy: Entropy): Uint8Array {
  const cuts = describedCuts.flatMap((edges, feature) =>
    Array.from(edges, (_, step) => ({ feature, step })),
  )
  const move = () => Math.fround(entropy.unit())
  const tree = (): GrownTree => ({
    branches: new Map(
      Array.from({ length: BRANCHES }, (_, node) => [
        node,
        cuts[below(entropy, cuts.length)] as (typeof cuts)[number],
      ]),
    ),
    leaves: new Map(
      Array.from({ length: BRANCHES + 1 }, (_, leaf) => [
        BRANCHES + leaf,
        [move(), move(), move()],
      ]),
    ),
  })
  const length = Math.floor(treesLimits.nodesMax / (2 * BRANCHES + 1))
  return packedForest(Array.from({ length }, tree))
}

/** Each stage on each host, described as the common models are told of attempts. */
export function commonRows(entropy: Entropy, stages: number, hosts: number): Float32Array {
  const ofHosts = Array.from({ length: hosts }, (_, host) => ({
    host: `host ${host}`,
    hostSpeed: 0.25 + entropy.unit(),
    cpus: 1 + below(entropy, CPUS_MAX),
    memoryBytes: entropy.unit() * MEMORY_BYTES_MAX,
  }))
  const ended = { startedMs: 0, endedMs: 0, ended: 'succeeded' } as const
  const rows = Array.from({ length: stages }, (_, stage): Row[] => {
    const ofStage = {
      task: `run/stage${stage}/x`,
      group: 'bench',
      inputBytes: entropy.unit() * INPUT_BYTES_MAX,
      inputFiles: below(entropy, 100),
    }
    return ofHosts.map((ofHost) => ({ ...ofStage, ...ofHost, ...ended }))
  })
  return examplesOf(rows.flat()).features
}
