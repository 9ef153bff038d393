/** Bounds of the history of runs, each with what happens when it is reached. */
import { assert } from '../../protocol/assert.ts'
import { CALL_BYTES_MAX } from '../requests/calls.ts'

const day = 24 * 3_600_000

/** What an operator may set: whatever comes first takes the runs that ended first. */
export interface HistorySettings {
  readonly ageMs: number
  readonly runsMax: number
  readonly bytesMax: number
}

export const historyDefaults: HistorySettings = {
  ageMs: 90 * day,
  runsMax: 100_000,
  bytesMax: 1024 ** 3,
}

export interface ArchivingSettings {
  /** How long ended runs stay in the ledger, where retrying them is cheapest. */
  readonly afterMs: number
}

export const archivingDefaults: ArchivingSettings = { afterMs: 3_600_000 }

export const recordLimits = {
  /** A record is cut into pieces of so many bytes, each compressed and carried by itself. */
  pieceBytes: 128 * 1024,
  /** Shorter pieces are kept as they are: there is little to gain. */
  compressedFromBytes: 1_024,
  /** Units that are taken out of the ledger in one turn of the loop: 200 at once held it for 13 to 31 ms. */
  unitsPerPart: 32,
  partBytes: 32 * 1024,
  /** Of one record. Units beyond it are kept without their attempts. */
  recordBytesMax: 64 * 1024 * 1024,
  /** Of one unit. */
  attemptsMax: 100_000,
  /** Pieces of one record, or of a workflow. */
  piecesMax: 4_096,
} as const

export const keeperLimits = {
  /** Between two looks at what has ended. */
  lookMs: 1_000,
  /** Rows of runs that one look goes over, so that a hundred thousand runs take no longer a turn. */
  rowsPerLook: 2_000,
  /** A loop that is later than this has better things to do, until the ledger fills. */
  lagMsMax: 20,
  /**
   * So has one whose ledger goes on faster than this, by more than a few entries: a run that waits
   * for each of its stages makes hundreds a second. Letting ended runs go makes fewer.
   */
  entriesPerSecond: 25,
  entriesBurst: 10,
  /** After so long of it, a step is taken with each look all the same. */
  patienceMs: 60_000,
  /**
   * Runs in a row, and the pause after them: 200 a second. A run of five stages takes the loop about
   * a fifth of a millisecond (measured on two cores shared with much else), so a twenty-fifth of it.
   */
  runsPerStep: 4,
  stepMs: 20,
  /** A step that has taken so many units out of the ledger takes no further run. */
  unitsPerStep: 32,
  /** The pause between two parts of one run. */
  partMs: 5,
  /**
   * The same when the ledger holds more runs than `pressedShare` of what it can: 1,600 a second, of
   * few stages each.
   */
  pressedRunsPerStep: 16,
  pressedUnitsPerStep: 96,
  pressedStepMs: 10,
  pressedShare: 0.25,
  /** Written runs that wait to be synced. Then they are. */
  unsyncedMax: 512,
  /** A disk that refuses is left alone for so long. */
  restMs: 30_000,
  /** Runs that retention removes in one step. */
  victimsPerStep: 64,
} as const

export const askingLimits = {
  /** How long another agent may take to answer. */
  answerMs: 1_000,
  /** Agents that are asked at once for what is not here. Voters first. */
  peersMax: 8,
  /** Runs that one question is about. */
  runsAskedMax: 512,
  /** Rows of one page of a list, and rows that are looked at for it. */
  pageItemsMax: 200,
  pageRowsMax: 1_000,
  /** Bytes of one page: an answer between agents must hold it. */
  pageBytesMax: 512 * 1024,
  /** Rows of one place that are looked at for one list. It stops there, and says so. */
  listRowsMax: 20_000,
  /** Runs whose ids begin as was asked. */
  idsMax: 16,
} as const

export const whereLimits = {
  /** Characters of an expression: it must fit the query of a request. */
  sourceLengthMax: 1_024,
  /** Of one run. */
  stepsMax: 500,
  stringLengthMax: 16 * 1024,
  elementsMax: 1_024,
} as const

assert(
  2 * recordLimits.pieceBytes < CALL_BYTES_MAX,
  'a piece that could not be made smaller must fit an answer',
)
