/** What an agent holds of work, and for how long, each with what happens when it is reached. */
import { assert } from '../../protocol/assert.ts'
import { workLimits } from '../../protocol/work/limits.ts'
import { CALL_BYTES_MAX } from '../requests/calls.ts'

export type SandboxRule = 'auto' | 'always' | 'none'

/** What an operator may set. */
export interface WorkSettings {
  /** Otherwise every assignment is refused as `unsupported`. */
  enabled: boolean
  /** Attempts that run at once. Those beyond wait their turn. */
  attemptsMax: number
  /** Attempts that wait. Those beyond are refused as `busy`. */
  queueMax: number
  /** When the agent stops, what it runs is ended; otherwise its next life carries on. */
  killOnStop: boolean
  /** Of one attempt's log. Of a longer one, the beginning and the end are kept. */
  logBytesMax: number
  /** Of all logs. Beyond it the oldest go. */
  logsBytesMax: number
  /** Older ones go. */
  logsAgeMs: number
  /** Which program starts containers; undefined where there is none. */
  containerEngine: string | undefined
  /**
   * Stages run as this user and not as the agent's. What can only be done in the agent's own process
   * is refused.
   */
  user?: string
  /** Whether scripts and programs run in a sandbox: if they ask for it, always, or not at all. */
  sandbox?: SandboxRule
  /** What every program finds in its environment before anything else is put there. */
  environment: Readonly<Record<string, string>>
}

/** What of it may change while the agent runs. */
export type WorkTuning = Pick<
  WorkSettings,
  | 'enabled'
  | 'attemptsMax'
  | 'queueMax'
  | 'killOnStop'
  | 'logBytesMax'
  | 'logsBytesMax'
  | 'logsAgeMs'
  | 'sandbox'
>

export const workDefaults: WorkSettings = {
  enabled: true,
  attemptsMax: 256,
  queueMax: 4_096,
  killOnStop: false,
  logBytesMax: 16 << 20,
  logsBytesMax: 1 << 30,
  logsAgeMs: 7 * 24 * 60 * 60_000,
  containerEngine: undefined,
  environment: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/', LANG: 'C.UTF-8', TMPDIR: '/tmp' },
}

export const deskLimits = {
  /** Frames of a leader that the ledger has not confirmed: the oldest go. Each is at most a link's. */
  unprovenMax: 64,
  /** For so long the ledger's word is waited for, and so often it is asked. */
  unprovenMs: 10_000,
  /** For so long an assignment waits until its leader says which emergency stops it knows. */
  unheardMs: 1_000,
  unprovenLookMs: 100,
  /** Assignments that wait, encoded. Those beyond are refused as `busy`. */
  queueBytesMax: 32 << 20,
  /** Results that the leader has not called committed. Until some go, all assignments are `busy`. */
  outboxMax: 16_384,
  outboxBytesMax: 64 << 20,
  /** Attempts that are over and forgotten, and are known by their fence for a while longer. */
  goneMax: 8_192,
  /** How long records of attempts that are done with stay on the disk, and how many, at most. */
  clearingWaitMs: 200,
  clearingMax: 1_024,
  /** From when an attempt is on record to when the leader is told so. */
  takenWaitMs: 20,
  /** An attempt that runs for so long, and up to twice that, is written down as started. */
  startedWaitMs: 100,
  /** A result is said again so long after it was said first, then twice as long, and so on. */
  repeatFirstMs: 1_000,
  repeatMostMs: 15_000,
  /** How often results are looked through for those that are due, and how many go at a time. */
  repeatLookMs: 250,
  repeatsPerLookMax: 1_024,
  /** Well below what a link takes: what is said for the first time is not to be crowded out. */
  repeatBytesPerLookMax: 512 << 10,
  /** How often running attempts are looked after: their progress, and what they take. */
  lookMs: 1_000,
  /**
   * So many are looked at in one go, and the next after such a rest; more in one go where they would
   * not all have had their turn in half of that time.
   */
  looksAtOnce: 4,
  looksRestMs: 20,
  /** Without news, a running attempt is told of this often. */
  runningEveryMs: 10_000,
  /** How soon after a stage's end its host is searched for what has left the stage's group. */
  sweepAfterMs: 1_000,
  /** To look at every process takes CPU: it is rested so many times as long, but no longer than this. */
  sweepRestFactor: 50,
  sweepRestMsMax: 10_000,
  /** How long a stop waits for what it has ended, and how often it looks. */
  closeMsMax: 2_000,
  closeLookMs: 10,
} as const

export const stepLimits = {
  /** From the polite signal to the one that cannot be ignored, where the assignment says nothing. */
  graceMs: 10_000,
  /** A kill that is not followed by an end is repeated. */
  killAgainMs: 50,
  /**
   * A stage that ran for less is not waited for with a look at every process of the host, which
   * takes a millisecond or more: what it may have left behind is swept a little later.
   */
  quickMs: 100,
  /**
   * With less left on the disk, stages whose own directory takes more than `spareBytes` are ended,
   * before the ledger and all neighbours meet a full disk. They are looked at once a second, and a
   * fast disk takes that much in that time.
   */
  freeBytesMin: 1 << 30,
  spareBytes: 256 << 20,
  /** Read of `$SKEIN_PROGRESS` at a time. */
  progressBytesMax: 64 << 10,
  /** Of an answer, for the outputs of an `http` step; as JSON it takes more. */
  httpBodyBytesMax: 48 << 10,
  /** Heap of a function whose stage sets no memory aside. */
  functionMemoryBytes: 256 << 20,
  /** The longest `skein:sleep`. */
  sleepMsMax: 365 * 24 * 60 * 60_000,
  traceBytesMax: 8 << 10,
} as const

export const logLimits = {
  /** Logs are kept in files of this size, so that any place in them can be read. */
  segmentBytes: 1 << 20,
  /** What is kept of the end of a log that is too long; in memory until the attempt is over. */
  tailBytes: 64 << 10,
  /** Not written yet. Beyond it the program waits when it writes. */
  pendingBytesMax: 512 << 10,
  /** What is written by then goes down in one piece. */
  flushMs: 200,
  /** Logs that are known of. Beyond it the oldest go. */
  logsMax: 20_000,
  /** How often those that are too old are looked for. */
  trimEveryMs: 10 * 60_000,
} as const

/** What is sent of the logs of running attempts to other hosts, and what is kept there. */
export const copyLimits = {
  /** Hosts that keep what an attempt writes: one may die together with the attempt's own. */
  keepers: 2,
  /** What is over by then leaves the end of its log in its result, and nothing is sent of it. */
  fromMs: 1_000,
  /** How often running attempts are looked at for something new. */
  lookMs: 1_000,
  /** Of one attempt at a time: the end of what was written since, and what lies before is left out. */
  pieceBytesMax: 64 << 10,
  /** Of all attempts at one look, to all hosts together; beyond it the others go at the next. */
  bytesPerLook: 256 << 10,
  piecesPerFrame: 256,
  /** Attempts whose copies need be kept no longer, told at a time. Others go when they are old. */
  unwantedPerFrame: 1_024,
  /** A host that has not answered by then is asked again at the next look. */
  askMs: 3_000,
  /** Kept of one log, and read of it. */
  copyBytesMax: 64 << 10,
  /** Pieces of one copy before they become one. */
  copyPiecesMax: 64,
  /** What a piece is taken to cost, however short it is. */
  pieceCostBytes: 256,
  /** Of one host, whatever it sends; then its oldest go. */
  copiesOfHostMax: 2_048,
  copiesOfHostBytesMax: 32 << 20,
  /** Of all hosts. */
  copiesMax: 8_192,
  copiesBytesMax: 64 << 20,
  /** How often those that are too old are looked for. */
  sweepEveryMs: 10 * 60_000,
  /** A peer's id, as text. */
  ownerBytesMax: 128,
} as const

assert(
  logLimits.tailBytes >= workLimits.logTailBytesMax,
  'the end of a log that goes to the ledger must be there',
)
assert(
  copyLimits.pieceBytesMax <= logLimits.tailBytes,
  'a piece that is sent must be in memory still',
)
assert(
  // Another is added while there is room; with its ids each takes a little more.
  copyLimits.bytesPerLook + 2 * copyLimits.pieceBytesMax + 200 * copyLimits.piecesPerFrame <=
    CALL_BYTES_MAX - 160 * copyLimits.unwantedPerFrame,
  'what is sent at one look must fit one question',
)
assert(deskLimits.repeatsPerLookMax <= workLimits.reportsPerFrameMax, 'repeats must fit a frame')
assert(
  stepLimits.httpBodyBytesMax < workLimits.outputsBytesMax,
  'the body of an answer must fit the outputs',
)
