/** How large versions of the common model may be, and how many are remembered. */
import { assert } from '../../protocol/assert.ts'
import { commonLength } from './common.ts'

export const registryLimits = {
  /** Four bytes for each number that it has learned, and the graph around them. */
  blobBytesMax: 32 << 10,
  /** Of what is learned: weights of a network that says logarithms are of a size about one. */
  parameterMax: 1e4,
  /** Versions that the ledger tells of. Beyond, those that were made first and are done with go. */
  versionsMax: 48,
  /** That one version was made of. */
  parentsMax: 4,
  whyBytesMax: 512,
} as const

assert(4 * commonLength < registryLimits.blobBytesMax, 'the common model must fit its bound')
