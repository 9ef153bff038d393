/** How the ledger of an agent waits and asks. */
import type { Timing } from '../../protocol/consensus/limits.ts'
import type { FitnessLimits } from './fitness.ts'

/**
 * A leader that is killed is missed at once, by its broken connections, and one that falls silent as
 * soon as membership calls it dead; these times are for what neither sees. Short ones would cost an idle mesh more than all else that it says.
 */
export const ledgerTiming: Timing = {
  heartbeatMs: 2_000,
  electionMs: 6_000,
  clockDriftMax: 0.02,
  hasteMs: 150,
}

/** Commands that travel to the leader together. More wait for the next frame. */
export const appendsPerFrameMax = 1_024

export const ledgerLimits = {
  /**
   * While there is no leader, it is looked for after so long, and then ever more rarely up to this;
   * and at once when consensus hears of one.
   */
  leaderRetryMs: 25,
  leaderRetryMsMax: 200,
  /** Bytes of such a frame, about: one command always fits. */
  frameBytesMax: 384 * 1_024,
  /** Frames on their way to the leader. While they are, commands gather for the next. */
  framesInFlightMax: 4,
  /** Commands that wait to travel. When full, new ones are refused as overloaded. */
  waitingMax: 65_536,
  /** Commands of others under way here. When full, they are refused as overloaded. */
  forwardedMax: 65_536,
  /** Between two words on where this host stands, when nothing has changed. */
  reportMs: 2_000,
  /** How often a leader without a turn looks whether it has one. */
  turnLookMs: 250,
  /** How often what the voters say that they hold is compared with what is held here. */
  compareMs: 2_000,
  /** How long replicas that differ wait to hear who is right, before all of them stop. */
  hungMsMax: 10_000,
  /** A leader looks this often whether it can still keep up. */
  fitnessLookMs: 1_000,
  /** One that was relieved leads on for so long, if it is elected again, whatever its trouble. */
  reliefRestMs: 60_000,
  /** How long a stopping leader waits for its heir. */
  handoverMs: 2_000,
} as const

/** Generous: a busy host is no reason for an election, one that holds up all writes is. */
export const fitnessLimits: FitnessLimits = {
  diskStallMs: 2_000,
  loopLagMsMax: 1_000,
  // Longer than the others' figures take to be here.
  laggingLooks: 15,
  heirLagShare: 0.25,
  heirHeardMs: 3_000,
  heirsTriedMax: 2,
}
