/** The measures of a simulation. */
import { limits } from '../../protocol/consensus/limits.ts'

/** Snapshots and lost tails within minutes instead of days, and everything in small pieces. */
export const simulatedLedgerLimits = {
  ...limits,
  logBytesSoft: 10 * 1024,
  logBytesHard: 12 * 1024,
  logTailBytes: 2 * 1024,
  snapshotChunkBytes: 512,
  snapshotChunksInflightMax: 2,
  // A few entries at a time: a peer that catches up holds many a part of what it is to have.
  appendBytesMax: 400,
  inflightAppendsMax: 8,
} as const

export const simLimits = {
  nodesMax: 15,
  /** Faults begin when the mesh has had this long to come together. */
  calmMs: 20_000,
  /** From the end of all faults to a core that works: what autopilot and backoffs need. */
  coreMs: 60_000,
  /** From the end of the core's time to all hosts alike. */
  wholeMs: 60_000,
  /** Steps of the search for a linear order, for one key. */
  searchStepsMax: 5_000_000,
  /** Runs that shrinking may take. */
  shrinkRunsMax: 120,
} as const

export const clientLimits = {
  clients: 4,
  keys: 3,
  keyEpochMs: 15_000,
  /** Between two bursts, on average. */
  thinkMs: 3_000,
  /** The same, in a hurry; how soon one notices that there is one. */
  hurryMs: 200,
  lookUpMs: 500,
  /** The same, far from every fault; so long before one, and after its end, it is not far. */
  calmMs: 30_000,
  aheadMs: 2_000,
  afterMs: 5_000,
  patienceMs: 5_000,
  /** How much longer than it asked for a client waits itself. */
  graceMs: 1_000,
  retryMs: 200,
  triesMax: 20,
  sessionTtlMs: 600_000,
  /** In a hurry: how often many commands at once, how many, and of how many bytes. */
  flurryShare: 0.07,
  flurryMin: 4,
  flurryMax: 24,
  flurryBytesMax: 400,
  /** Over so many keys: what a snapshot is made of. */
  flurryKeys: 40,
} as const

export const stormLimits = {
  /** An ambush that has struck so often is over. */
  blowsPerAmbush: 24,
} as const

/** Patience of a voter: `ledgerTiming.electionMs`, up to twice that. */
export const peaceLimits = {
  /** Until all follow one leader. */
  quietMs: 60_000,
  /** One voter does not hear the leader for so long. */
  unheardMs: 20_000,
  /** And then does again: the leader is looked at for so long. */
  backMs: 8_000,
  /** From the loss of a leader until another leads, and it knows. */
  followedMs: 30_000,
} as const

export const partingLimits = {
  /** Until so few vote that one more decides. */
  fewerMs: 60_000,
  askAgainMs: 20,
  /** What the leader has begun is on its disk by then. */
  writeMs: 100,
  restartMs: 300,
  /** From its death until somebody leads. */
  goneMs: 40_000,
  wholeMs: 60_000,
} as const
