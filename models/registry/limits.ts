/** How large a version of the common model may be. */
import { assert } from '../../protocol/assert.ts'
import { commonLength } from './common.ts'

export const registryLimits = {
  /** Four bytes for each number that it has learned, and the graph around them. */
  blobBytesMax: 32 << 10,
  /** Of what is learned: weights of a network that says logarithms are of a size about one. */
  parameterMax: 1e4,
} as const

assert(4 * commonLength < registryLimits.blobBytesMax, 'the common model must fit its bound')
