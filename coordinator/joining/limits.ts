/** How many tokens there may be, and how patient those are who let hosts in. */

import { assert } from '../../protocol/assert.ts'
import { lifetimes } from '../../protocol/identity/limits.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'

const dayMs = 24 * 3_600_000

export const letInLimits = {
  /** Tokens that the ledger holds. When full, a new one is refused. */
  tokensMax: 1_000,
  /** How long one that lets in nobody any more is still listed. */
  keptMs: dayMs,
  /** How often a host with an issuing key looks whether the ledger has it. */
  lookMs: 5_000,
  /** How often a leader looks for tokens to forget, and how many go at once. */
  forgetMs: 3_600_000,
  forgottenAtOnce: 100,
  /** After its start, and then this often, an agent looks whether its certificate is to be renewed. */
  renewFirstMs: 30_000,
  renewLookMs: 600_000,
  /**
   * How often an agent looks whether another issuing key has taken the place of the one behind its
   * certificate, and how long each host of the mesh adds to the time in which all are renewed.
   */
  supersededLookMs: 2_000,
  renewEachMs: 200,
  /** One that ends sooner, and could not be renewed, is told of, and again after so long. */
  warnMs: 10 * dayMs,
  warnAgainMs: dayMs,
  /** What is left then is a failure, and not only a trouble. */
  failedMs: 2 * dayMs,
  /** Of the issuing key: then a person must make another. From the second on, it cuts certificates. */
  issuerWarnMs: 90 * dayMs,
  issuerFailedMs: lifetimes.peerMs,
  /** For one write to be committed. */
  appendMs: 4_000,
  /** How often a use is tried to be taken while others take theirs. */
  roundsMax: 8,
  /**
   * Events on who was not let in: whoever knocks all night must not push what happened out of the
   * journal. The audit log has its own measure.
   */
  refusalsToldPerSecond: 1 / 60,
  refusalsToldAtOnce: 20,
} as const

assert(letInLimits.keptMs > joinLimits.ttlMsMin, 'a token is listed for longer than it is good')
assert(
  letInLimits.issuerWarnMs > 2 * letInLimits.issuerFailedMs,
  'a person has time to make another issuing key before certificates grow shorter',
)
assert(
  letInLimits.warnMs < lifetimes.peerRenewalMs && letInLimits.failedMs < letInLimits.warnMs,
  'it is tried for days before anybody is told',
)
