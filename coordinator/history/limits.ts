/** When runs that have ended leave the ledger, beside their age. */
import { assert } from '../../protocol/assert.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'

export const archivingLimits = {
  /** Between two looks at what may go. */
  lookMs: 5_000,
  /** Ended runs that the ledger keeps, however young they are. Beyond it the oldest go. */
  endedMax: 5_000,
  /** From this share of `runsMax` on, ended runs go as soon as they are kept elsewhere. */
  fullShare: 0.5,
  /** Hosts that keep a run before it goes, this one included; all, where there are fewer. */
  copiesMin: 2,
  /** Runs that others are asked about at once. */
  batchRuns: 256,
  /** Runs of one entry: so many that it holds up others for less than a millisecond. */
  entryRuns: 32,
  /** After each entry; shorter when the ledger is full of runs. */
  pauseMs: 50,
  fullPauseMs: 5,
  timeoutMs: 5_000,
  /** Entries in a row for a run that is too large for one. */
  entriesPerRunMax: 4_096,
  /** A loop that is later than this has better things to do, until the ledger fills. */
  lagMsMax: 20,
} as const

assert(archivingLimits.endedMax < stateLimits.runsMax, 'the ledger must have room for new runs')
