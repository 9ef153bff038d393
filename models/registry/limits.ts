/** How large versions of the common model may be, and how many are remembered. */
import { assert } from '../../protocol/assert.ts'
import { treesLimits } from '../federation/trees/limits.ts'
import { commonLength } from './common.ts'

export const registryLimits = {
  /** Four bytes for each number that it has learned, and the graph around them. */
  blobBytesMax: 32 << 10,
  /** Of a forest: what the runtime wants to be told of each node, three times over. */
  forestBytesMax: 192 << 10,
  /** No leaf moves what is said by more: from one end of all steps to the other. */
  moveMax: 16,
  /** Of what is learned: weights of a network that says logarithms are of a size about one. */
  parameterMax: 1e4,
  /** Versions that the ledger tells of. Beyond, those that were made first and are done with go. */
  versionsMax: 48,
  /** That one version was made of. */
  parentsMax: 4,
  whyBytesMax: 512,
} as const

/** Measured: 22 of each node that the runtime is told, which is told one for each quantile. */
const nodeBytes = 40
assert(
  3 * treesLimits.nodesMax * nodeBytes < registryLimits.forestBytesMax,
  'the largest forest must fit its bound',
)
assert(4 * commonLength < registryLimits.blobBytesMax, 'the common model must fit its bound')
