/** How much configuration an agent will read, and how large its values may be. */

import { assert } from '../../protocol/assert.ts'
import { limits as membership } from '../../protocol/membership/limits.ts'

export const limits = {
  /** Letters of a configuration file; a longer one is refused unread. */
  fileLengthMax: 256 * 1_024,
  /** Mistakes told at once. What comes after is usually a consequence. */
  problemsMax: 50,
  /** As long as Linux lets a host's name be. */
  nodeNameLengthMax: 64,
  labelsMax: 32,
  labelNameLengthMax: 63,
  labelValueLengthMax: 128,
  /** Addresses in one list. */
  addressesMax: 64,
  pathLengthMax: 4_096,
} as const

assert(
  limits.labelsMax * (limits.labelNameLengthMax + limits.labelValueLengthMax) <
    membership.profileBytesMax,
  'all labels of a node fit the profile that membership spreads',
)
