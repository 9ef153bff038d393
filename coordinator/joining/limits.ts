/** How many tokens there may be, and how patient those are who let hosts in. */

import { assert } from '../../protocol/assert.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'

export const letInLimits = {
  /** Tokens that the ledger holds. When full, a new one is refused. */
  tokensMax: 1_000,
  /** How long one that lets in nobody any more is still listed. */
  keptMs: 7 * 24 * 3_600_000,
  /** How often a leader looks for tokens to forget, and whether the issuing key is safe. */
  lookMs: 5_000,
  /** Tokens forgotten in one entry. */
  forgottenAtOnce: 100,
} as const

assert(letInLimits.keptMs > joinLimits.ttlMsMin, 'a token is listed for longer than it is good')
