/** Bounds of what a host remembers of its own attempts, each with what happens when it is reached. */
import { profileLimits } from '../../models/profiles/limits.ts'
import { registryLimits } from '../../models/registry/limits.ts'
import { assert } from '../../protocol/assert.ts'
import { workLimits } from '../../protocol/work/limits.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'
import { CALL_BYTES_MAX } from '../requests/calls.ts'

export const learningLimits = {
  /** Of a row on the disk: names, and twelve figures. `rows × bytes` bounds the store: 6 MiB. */
  rowBytesMax: 320,
  /** What has ended by then goes down in one batch, of at most so many rows. */
  flushMs: 1_000,
  rowsPerBatch: 256,
  /** Rows that wait to be written. While more end than the disk takes, what ends is not remembered. */
  pendingMax: 4_096,
  /** Rows that a disk did not let go of, and is asked to again. Beyond, the next start clears them. */
  undeletedMax: 4_096,
  /** Rows that are taken in at once, when all are read again: 2 ms. */
  rowsAtOnce: 256,
} as const

export const speedTimes = {
  /** After the start: the mesh has come together by then, and whoever tries it out has had a look. */
  firstMsMin: 3 * 60_000,
  firstMsMax: 10 * 60_000,
  /** While the host is busy, it is tried again this much later. */
  againMs: 60_000,
  failedMs: 3_600_000,
  /** Share of the cores that others may take while it is found out. */
  loadMax: 0.25,
} as const

export const modelLimits = {
  /** Versions on the disk, beside those that are wanted: the latest. Candidates of rounds come and go. */
  othersMax: 6,
  /** Of them, those that were used last are in memory. */
  openMax: 4,
  /** For one host to send a version. */
  fetchMs: 1_500,
  /** Hosts that are asked for one version before it is given up for now. */
  askedMax: 8,
  /** Where all are asked, so many at once. */
  askedAtOnce: 4,
} as const

export const adviceLimits = {
  /** How often an agent looks whether there are other versions. */
  lookMs: 5_000,
  /** From one host that comes by a version to the next: it reads all of its own rows for that. */
  comeEveryMs: 200,
  /** After a version could not be come by, it is tried again so much later; each time twice as late. */
  refetchMs: 30_000,
  refetchMsMax: 4 * 60_000,
  /** Attempts that wait to be judged. What ends beyond is judged by nobody: it is a sample anyway. */
  pendingMax: 64,
  /** They are judged together, no more often than this, while something is on trial or not. */
  judgeMsOnTrial: 15_000,
  judgeMsOtherwise: 120_000,
  /** This host's latest attempts that its correction is made of. */
  ownRowsMax: 1_024,
  /** Rows that are made into numbers at once: 2 ms. */
  rowsAtOnce: 128,
  /** Rows that trees are asked of without a pause: 3 ms of the largest forest. */
  rowsOfTreesAtOnce: 128,
  /** Kinds of work whose times are kept, once said. */
  saidMax: 2_048,
  /** Of one kind, so many latest attempts say how much work it is given. */
  sizesMax: 8,
  /** Work of so many kinds is asked about at once; of more, the plain word stands. */
  askedAtOnce: 256,
  /** So long is a prediction waited for, before what is plain is told: it is there the next time. */
  answerMs: 150,
  /** Nobody is told of longer times, as a logarithm. */
  logMsMax: Math.log(workflowLimits.durationMsMax),
} as const

export const tellingLimits = {
  /** Keys of one question; who has more asks again. */
  keysMax: 2_048,
  keyBytesMax: workLimits.workflowNameBytesMax + 1 + workLimits.fingerprintBytesMax,
  /** All that is asked about at once. What is beyond is unknown. */
  keysAskedMax: 4 * 2_048,
  /** Hosts that are asked at once. Of more, those that are first in the list. */
  hostsMax: 256,
  /** Whoever has not answered by then has said nothing: a plan does not wait for a host that hangs. */
  answerMs: 300,
  /** To explain what is expected, where models run: that may have to be started first. */
  explainMs: 2_000,
  /** To tell how versions do: that is at hand. */
  standingMs: 1_000,
  /** A coordinator that asks all hosts for somebody else is given so much longer. */
  forOthersMs: 500,
  /** How many others it asks for at once. Whoever comes then is told nothing. */
  forOthersMax: 4,
  /** Whoever tells of longer attempts or more memory is not believed: a workflow cannot ask for longer ones. */
  tookMsMax: workflowLimits.durationMsMax,
  memoryBytesMax: Number.MAX_SAFE_INTEGER,
} as const

assert(
  workLimits.workflowNameBytesMax + workLimits.fingerprintBytesMax + 12 * 12 <
    learningLimits.rowBytesMax,
  'a row must fit its bound',
)
assert(
  tellingLimits.keysMax * (tellingLimits.keyBytesMax + 4) < CALL_BYTES_MAX,
  'the longest question must fit a call',
)
assert(
  tellingLimits.keysMax * 240 < CALL_BYTES_MAX,
  'the longest answer must fit a call: three ranges, the hash of a version and six figures for each key',
)
assert(
  Math.max(registryLimits.blobBytesMax, registryLimits.forestBytesMax) < CALL_BYTES_MAX,
  'a version must fit a call',
)
assert(profileLimits.attemptsMax * learningLimits.rowBytesMax <= 8 << 20, 'the store is small')
