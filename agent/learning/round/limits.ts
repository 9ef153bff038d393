/** What a host takes part in, and what it does not. Whoever leads may ask for less, and not for more. */
import { federationLimits } from '../../../models/federation/limits.ts'
import { treesLimits } from '../../../models/federation/trees/limits.ts'
import { assert } from '../../../protocol/assert.ts'
import { CALL_BYTES_MAX } from '../../requests/calls.ts'

export const roundLimits = {
  /** Attempts that have succeeded here. With fewer there is nothing to be learned, and much to be guessed. */
  rowsMin: 20,
  /** The latest of them: a round of seconds needs no more, and to describe them takes 30 ms. */
  rowsMax: 8_192,
  /** Of trees: of more, hosts would draw no more for a tree (`treesLimits.rowsMax`). */
  treeRowsMax: 2_048,
  /** Trees that all rows are taken through without a pause: 3 ms. */
  treesAtOnce: 4,
  /** In a round of trees: one, and one that is begun anew where a host was lost. */
  bagsMax: 2,
  /** One in so many is kept for votes, and never trained on; of small histories so many all the same. */
  votesOneIn: 8,
  voteRowsMin: 5,
  /** Rows that are described without a pause: 4 µs each. */
  rowsAtOnce: 256,
  /**
   * To deal shares and to mask takes 0.7 ms for each of them (measured), in one go; and a loop is not to
   * be held up for 20.
   */
  participantsMax: 24,
  stepsMax: 200,
  batchMax: 256,
  rateMax: 0.1,
  holdMax: 10,
  clipMax: 64,
  noiseMax: 64,
  /** From one question to the next; then the round is given up, and what was held for it let go. */
  silenceMs: 90_000,
  /** As many as one wish may ask for: what votes tell of a host's own rows has an end. */
  roundsAnHourMax: 1_000,
  /** To this many digits a host tells how far versions are off. */
  lossDigits: 4,
  /** For the entry with a round to come here, after the invitation to it. */
  openedMs: 3_000,
} as const

assert(
  roundLimits.treeRowsMax * treesLimits.rowShare >= treesLimits.rowsMax,
  'a tree is shown as many rows as it may be',
)
assert(roundLimits.voteRowsMin < roundLimits.rowsMin, 'something is left to train on')
assert(
  roundLimits.participantsMax <= federationLimits.clientsMax,
  'no more hosts take part than a masked sum may have',
)
assert(federationLimits.roundBytesMax < CALL_BYTES_MAX, 'what is said in a round must fit calls')
