/** How large a model may be, and all that is in it. What is larger is refused, wherever it came from. */
import { assert } from '../../protocol/assert.ts'

export const modelLimits = {
  /** A forest of 500 trees of depth 8 takes 7 MiB, a network of ours 40 KiB. */
  bytesMax: 16 << 20,
  nodesMax: 8_192,
  /** Arrays of weights, constants among them. */
  weightsMax: 4_096,
  /** Inputs of a graph, and outputs. */
  portsMax: 64,
  /** Inputs or outputs of one node. */
  operandsMax: 256,
  attributesMax: 32,
  /** In a list of an attribute: one for each node of all trees. */
  attributeItemsMax: 1 << 18,
  opsetsMax: 4,
  rankMax: 4,
  nameBytesMax: 128,
  /** Outputs of a forest. */
  targetsMax: 16,
} as const
assert(
  modelLimits.attributeItemsMax * 50 < modelLimits.bytesMax,
  'the largest forest must fit: a node of a tree takes some 50 bytes',
)
