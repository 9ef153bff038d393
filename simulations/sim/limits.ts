/** The measures of a simulation. */
import { limits } from '../../protocol/consensus/limits.ts'

/** Snapshots and lost tails within minutes instead of days. */
export const simulatedLedgerLimits = {
  ...limits,
  logBytesSoft: 24 * 1024,
  logBytesHard: 48 * 1024,
  logTailBytes: 4 * 1024,
  snapshotChunkBytes: 4 * 1024,
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
  patienceMs: 5_000,
  /** How much longer than it asked for a client waits itself. */
  graceMs: 1_000,
  retryMs: 200,
  triesMax: 20,
  sessionTtlMs: 600_000,
} as const
