/** How patient whoever leads is with hosts in a federated round, and how much is remembered of rounds. */
import { roundLimits } from '../../../agent/learning/round/limits.ts'
import { federationLimits } from '../../../models/federation/limits.ts'
import { assert } from '../../../protocol/assert.ts'
import { stateLimits } from '../../../protocol/ledger/limits.ts'

export const roundsLimits = {
  /** Of more hosts so many are drawn for each round: none takes part in one of more. */
  participantsMax: roundLimits.participantsMax,
  /** Hosts that are not asked, of which a round tells. */
  barredMax: federationLimits.clientsMax - roundLimits.participantsMax,
  /** How often a leader looks whether a round is due. */
  lookMs: 500,
  /** Each step of a round is asked in so many turns at most, each of as many hosts as that takes. */
  turnsMax: 3,
  /** So long the next turn waits for a host at most: one that starts its engine takes less. */
  turnMs: 250,
  /** After each host a turn rests for as long as it took, and no longer than this: more is not its work. */
  restMsMax: 25,
  /** For a host to have the version to begin with, and to describe its rows. */
  inviteMs: 15_000,
  trainMs: 45_000,
  /** For each thing that is said under masks. */
  stepMs: 5_000,
  voteMs: 20_000,
  /** In a round of trees, of what each host says and is told beside masks and counts. */
  besideBytes: 4_096,
  /** Rounds that the ledger tells of. */
  roundsMax: 200,
  /** Of one wish. */
  countMax: 1_000,
  /** A leader that dies in a round may have died of it: so many times it is begun anew. */
  lostMax: 3,
  /** Whoever has lied under masks is not asked for so many rounds: it would spoil each of them. */
  liarRounds: 20,
  /** Who makes rounds worse is worked out of so many: more tell hardly more, for they fade. */
  ratedRounds: 64,
  everyMsMin: 60_000,
  everyMsMax: 30 * 24 * 3_600_000,
  whyBytesMax: 480,
  /** Of one host in a row: its id, what came of it, and figures. */
  hostBytesMax: 1_024,
} as const

assert(roundsLimits.countMax <= roundLimits.roundsAnHourMax, 'hosts take part in all of a wish')
assert(
  roundsLimits.hostBytesMax * federationLimits.clientsMax + 2_048 < stateLimits.kvValueBytesMax,
  'what there is to say of a round must fit a row',
)
