/** What bounds the scheduler, and the few figures that its order and its patience stand on. */
import { assert } from '../../../protocol/assert.ts'
import { stateLimits } from '../../../protocol/ledger/limits.ts'

export const schedulerLimits = {
  /** Of units of which it is known what they take, those that go as if nothing were known. */
  trialShare: 1 / 32,
  /**
   * Second attempts at once, of all attempts: where a whole mesh is slow, they would make it slower.
   * A few are always allowed, for the host that hangs with all that it has.
   */
  raceShare: 1 / 10,
  racesMin: 4,
  /** Transitions of one turn. What is more waits for the next one, in its order. */
  turnTransitionsMax: 2_048,
  /** Of one turn, estimated from above; one transition more always fits the entry. */
  turnBytesMax: 256 * 1024,
  /** Turns whose entries are not applied yet. Then none is made until one is. */
  turnsInFlightMax: 8,
  /** Ends on their way that a transition names as its ground. More: it waits until they are there. */
  afterMax: 256,
  /** Stages that one transition passes over. */
  passedMax: 1_000,

  /** Units with demands of their own that are tried without success in one turn. */
  particularTriesMax: 256,
  /** Kinds of demands that are remembered. When full, those that nobody waits in are forgotten. */
  demandsMax: 1_024,

  /** Subflows within subflows. A deeper one fails, with class `input`. */
  subflowDepthMax: 16,
  /** Events kept for those that begin to wait later: as many as the ledger keeps. */
  signalsMax: stateLimits.signalsMax,
} as const

export const schedulerTimes = {
  /** A cancellation that has not come about is said again. */
  cancelRepeatMs: 5_000,
  /** An assignment that no word has come of: then its host is asked what it holds. */
  inquireAfterMs: 3_000,
  /** An attempt that was taken, and is not heard of for longer than its agent ever keeps silent. */
  silentAfterMs: 30_000,
  /** How soon it is looked again whether it is known what work takes of which nothing was known. */
  lateLookMs: 2_000,
  /** One that was late for so long when its leader was lost has been told of: elections are shorter. */
  lateToldMs: 10_000,
  /** A late attempt for which there was no room elsewhere is looked at again. */
  raceLookMs: 1_000,
  /** A host that declined because it is busy is left alone for so long. */
  busyPauseMs: 200,
  /** One that is stopping, or whose disk fails. */
  unfitPauseMs: 10_000,
  /** A host where an emergency stop is in force, or may be, for the stage that it did not take. */
  stoppedPauseMs: 500,
  /** Before a run whose transitions keep being dropped is taken up again. */
  dropPauseMs: 1_000,
} as const

/** What is remembered of choices of hosts, for whoever asks why. */
export const choiceLimits = {
  /** Then the oldest go. */
  keptMax: 4_096,
  /** Characters of each. */
  lengthMax: 400,
  /** Of a flood of attempts so many are put into words; the words cost more than the choice. */
  perSecondMax: 200,
  /** In a mesh of more hosts the others are not looked at again for it. */
  hostsMax: 16,
} as const

/** Order: a run is as urgent as it is old, and as if it were older by these. */
export const urgency = {
  /** For each point of priority. A hundred points are about a quarter of an hour. */
  priorityWorthMs: 10_000,
  /** A deadline counts from so long before it must be begun, at the latest. */
  deadlineWorthMs: 600_000,
  /** How long a stage takes of which nothing is known, on the way to a deadline. */
  stageAssumedMs: 1_000,
} as const

/** From above: a list of files among what is handed on. */
export const artifactsEntryBytes = 240

/** The largest transition: an end that is taken over, with outputs and the files of all items. */
const transitionBytesMax = 200 * 1024

assert(
  schedulerLimits.turnTransitionsMax <= stateLimits.transitionsMax,
  'a turn must fit an entry by its number of transitions',
)
assert(
  schedulerLimits.turnBytesMax + transitionBytesMax < stateLimits.entryBytesMax,
  'a turn that is almost full must have room for one more transition',
)
assert(
  Math.max(schedulerLimits.passedMax, schedulerLimits.afterMax) *
    (stateLimits.stageNameBytesMax + 2) <
    transitionBytesMax,
  'a transition must have room for the stages that it names',
)
