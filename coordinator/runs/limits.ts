import { assert } from '../../protocol/assert.ts'
import { planLimits } from '../planning/limits.ts'

/** How much of runs is kept and shown. */
export const runLimits = {
  /** Characters of the workflows that are kept read. The one not asked for longest is read again. */
  libraryLengthMax: 8 * 1024 * 1024,
  /** Letters and digits of a run's id: 50 bits, so that nobody meets one twice. */
  idLength: 10,
  /** Items of one stage that are shown with a run. The others are counted. */
  itemsShownMax: 1_000,
  /** Runs that a reference may fit before it is called ambiguous without naming all. */
  candidatesMax: 8,
  /** Stages and items of an ended run that are explained at once, and tries of each. */
  explainedMax: 200,
  triesToldMax: 10,
  /** Changes are gathered for so long before a watcher hears of them. */
  newsMs: 50,
  /** How often a watcher is told how far running stages have come. */
  progressMs: 1_000,
  /** How often hosts are asked what such work took, while somebody watches. */
  expectedAskMs: 30_000,
  /** The end of a run is drawn anew no more often than this, of so many figures: a millisecond. */
  expectedEveryMs: 2_000,
  expectedFiguresMax: 5_000,
  /** Of a run with more stages no end is told: it would be drawn too seldom, or for too long. */
  expectedStagesMax: 500,
  /** By how much it moves, at least and as a share of what is left, before a watcher hears of it. */
  expectedMovedMs: 1_000,
  expectedMovedShare: 0.05,
  /** How long a read waits for the ledger's word before it answers with what is here. */
  freshMs: 2_000,
  /** And how much longer where nothing was found here; the command line waits ten seconds for both. */
  notFoundMs: 4_000,
  /** Logs that are followed are asked for again after this, when nothing has come. */
  logRoundMs: 200,
  /** Of a log that is told at once; it must fit an answer between agents, as JSON. */
  logPieceBytes: 96 * 1024,
  /** Hosts that are asked for the copy of a log, the likeliest first: two keep it. */
  copiesAskedMax: 6,
  workflowChunkBytes: 96 * 1024,
  /** Characters of the names of stages that a run keeps of another. More are told as a set. */
  keptNamesLengthMax: 4 * 1024,
} as const

assert(
  runLimits.expectedFiguresMax >= planLimits.drawsMin * runLimits.expectedStagesMax,
  'the end of a run that is told must be drawn often enough',
)

/** How texts of people are read. */
export const readingLimits = {
  /** Characters of a text that is read at once, beside the agent's other work: about 25 ms of it. */
  inlineLengthMax: 24 * 1024,
  /** Large texts that are read at once, each in a thread, and the heap of each. */
  threadsMax: 2,
  threadMemoryBytes: 512 * 1024 * 1024,
  /** Those that wait for a thread. One more is told to come back. */
  waitingMax: 16,
  /** Of a workflow with its defaults written out, as JSON in JSON. */
  resultBytesMax: 16 * 1024 * 1024,
} as const
