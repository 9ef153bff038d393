/** How large a federated round may be, and what it takes to begin one. */
import { assert } from '../../protocol/assert.ts'

export const federationLimits = {
  /** With fewer, each would know what the other gave by taking its own from the sum. */
  clientsMin: 3,
  /** Each client is told of each, and shares are numbered by one byte. */
  clientsMax: 64,
  /** Numbers in a model that hosts train together, at four bytes each while they are masked. */
  parametersMax: 8_000,
  /** What one client says or is told in one round, all messages of it counted. */
  roundBytesMax: 100 * 1024,
  /** Numbers of a sketch: a share of what an update says, and enough to tell outliers by. */
  sketchMax: 128,
} as const

/** What each is told of each other: keys, shares, a digest, and whether it counts. */
const perPeerBytes = 544
/**
 * Of a round in halves each is told the sums of both. Among real agents a host fetches what came of each,
 * and of both together, and what the round begins with where it lacks it: of a model of 6,000 numbers and
 * more these four alone are beyond `roundBytesMax`. The common model has fewer (`models/registry/common.ts`).
 */
const sumsMax = 2
assert(
  sumsMax * 4 * federationLimits.parametersMax +
    perPeerBytes * federationLimits.clientsMax +
    16 * federationLimits.sketchMax <
    federationLimits.roundBytesMax,
  'a round of the most clients over the largest model must fit',
)
