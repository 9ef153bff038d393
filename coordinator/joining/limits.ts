/** How many tokens there may be, and how patient those are who let hosts in. */

import { assert } from '../../protocol/assert.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'

export const letInLimits = {
  /** Tokens that the ledger holds. When full, a new one is refused. */
  tokensMax: 1_000,
  /** How long one that lets in nobody any more is still listed. */
  keptMs: 24 * 3_600_000,
  /** How often a host with an issuing key looks whether the ledger has it. */
  lookMs: 5_000,
  /** How often a leader looks for tokens to forget, and how many go at once. */
  forgetMs: 3_600_000,
  forgottenAtOnce: 100,
  /** For one write to be committed. */
  appendMs: 4_000,
  /** How often a use is tried to be taken while others take theirs. */
  roundsMax: 8,
  /** Events on who was let in or not, a second and at once; the audit log has its own measure. */
  toldPerSecond: 0.5,
  toldAtOnce: 20,
} as const

assert(letInLimits.keptMs > joinLimits.ttlMsMin, 'a token is listed for longer than it is good')
