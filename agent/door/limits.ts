/** What the door remembers of people, and how much of them it lets in. */
import { assert } from '../../protocol/assert.ts'
import { envelopeLimits, tokenLimits } from '../../protocol/identity/limits.ts'

export const doorLimits = {
  /** Tokens known to be good, for as long as they live. When full, the oldest is checked anew. */
  tokensMax: 512,
  /** People whose rate is kept. When full, the one kept longest begins anew. */
  peopleMax: 1_024,
  /** Requests of one person: what flows evenly, and what may come at once. */
  requestsPerSecond: 1_000,
  requestsBurst: 4_000,
  /** What changes something, of one person. Each is a synced write here and an entry of the ledger. */
  commandsPerSecond: 500,
  commandsBurst: 2_000,
  /** Bytes of bodies of one person. */
  bytesPerSecond: 16 * 1024 * 1024,
  bytesBurst: 64 * 1024 * 1024,
  /**
   * Commands that are remembered as done, some 150 bytes each. When full, others are refused until
   * the oldest have expired.
   */
  noncesMax: 65_536,
  /** How often those that have expired are forgotten, at most: when the next command comes. */
  forgetEveryMs: 30_000,
  /** Expired ones that are taken off the disk with one command. */
  forgottenAtOnceMax: 1_024,
} as const

assert(
  doorLimits.requestsBurst >= doorLimits.commandsBurst,
  'a burst of commands is one of requests',
)
assert(
  tokenLimits.lifeMsMax <= envelopeLimits.lifeMsMax,
  'who may look for longer than command would be signed in twice',
)
