/** The measures of simulated work. */
import { assert } from '../../../protocol/assert.ts'
import { limits } from '../../../protocol/consensus/limits.ts'

export const workSimLimits = {
  /** Faults begin when the mesh has had this long to come together. */
  calmMs: 15_000,
  /** Ended runs leave the ledger after that, in some meshes. */
  archiveSoonMs: [3_000, 20_000],
  archiveSoonShare: 0.5,
  /**
   * From the moment that everyone is back to the end of every run, at most. A stage that ignores its
   * end takes 13 s; five items of one, one after the other and each tried three times, 200 s; and with
   * seed 2034172 others came before it.
   */
  endMs: 600_000,
  /** From the end of the last run to hosts on which nothing is left of any. */
  quietMs: 60_000,
  /** Until all agents have found all runs that have left the ledger. */
  foundMs: 60_000,
} as const

/** A log of work is snapshotted now and then within minutes, and sent in a few pieces. */
export const workLedgerLimits = {
  ...limits,
  logBytesSoft: 96 * 1024,
  logBytesHard: 192 * 1024,
  logTailBytes: 16 * 1024,
  snapshotChunkBytes: 16 * 1024,
} as const

export const peopleLimits = {
  people: 3,
  /** Between two things that one does, on average. */
  thinkMs: 2_500,
  /** Workflows that are there to be run, and how often one that was run before is taken. */
  repertoire: 6,
  /** Of each person: further ones are not begun. */
  runsMax: 12,
  patienceMs: 6_000,
  /** How much longer than it asked for a person waits. */
  graceMs: 3_000,
  retryMs: 300,
  triesMax: 40,
  /** How often somebody looks for what waits for people. */
  lookMs: 600,
  voters: 4,
  /** Between two orders of an operator, on average; and how long a drain lasts. */
  orderMs: 8_000,
  drainMs: 6_000,
} as const

export const drawingLimits = {
  stagesMax: 9,
  /** Of one stage. */
  itemsMax: 5,
} as const

/** What stages do, in time. */
export const stageTimes = {
  quickMs: 40,
  slowMs: 6_000,
  /** Far longer than almost all others. */
  lagMs: 20_000,
  /** What a stage leaves behind would live on for so long, if nobody ended it. */
  straysMs: 3_600_000,
  beatMs: 400,
} as const

/** What one host takes on, when it is drawn to be small: then there is a queue. */
export const smallHost = { attemptsMax: 3, queueMax: 2 } as const

assert(
  peopleLimits.thinkMs > peopleLimits.retryMs,
  'who has heard nothing asks again sooner than somebody else has an idea',
)
