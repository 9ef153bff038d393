/**
 * How large what leader and agents say about attempts may be, and what happens beyond it. What an
 * agent keeps for itself is bounded in `agent/work/limits.ts`.
 */
import { artifactLimits } from '../artifacts/limits.ts'
import { assert } from '../assert.ts'

export const workLimits = {
  runIdBytesMax: 64,
  /** Stages are named in ASCII, so letters are bytes. */
  stageNameBytesMax: 63,
  workflowNameBytesMax: 63,

  /** One assignment, encoded, without the files that it is given. A stage whose rendered step is larger fails, with class `input`. */
  assignmentBytesMax: 400 * 1024,
  scriptBytesMax: 320 * 1024,
  /** Of a script: one for each place with a value. */
  variablesMax: 1_024,
  /** What Linux takes as one string of a program's environment or arguments. */
  variableBytesMax: 128 * 1024,
  argumentsMax: 1_024,
  envMax: 512,
  variableNameBytesMax: 256,
  secretsMax: 64,
  /** All of ASCII. */
  fingerprintBytesMax: 80,
  secretNameBytesMax: 128,
  pathBytesMax: 4_096,
  urlBytesMax: 8 * 1024,
  headersMax: 64,
  headerBytesMax: 8 * 1024,
  httpBodyBytesMax: 128 * 1024,
  statusesMax: 64,
  withBytesMax: 128 * 1024,
  customResourcesMax: 32,

  /** Of a pattern of files: as many characters as a pattern may have, each of up to three bytes. */
  patternBytesMax: 3 * artifactLimits.patternLengthMax,
  patternsMax: artifactLimits.patternsMax,
  /**
   * Lists of files that an attempt is given: one for each stage under `artifactsFrom`, or for each
   * item of one with `forEach`. A stage that asks for more fails, with class `input`.
   */
  artifactSourcesMax: 512,
  /** Hosts that are named for each. More are left out. */
  artifactHoldersMax: 4,
  contentHashBytesMax: 64,
  holderBytesMax: 64,

  /** What a stage hands on, as JSON. A stage that writes more fails, with class `input`. */
  outputsBytesMax: 64 * 1024,
  /** What goes to the ledger with a result; the whole log stays with the agent. */
  logTailBytesMax: 8 * 1024,
  /** Longer ones are cut. */
  errorCodeBytesMax: 64,
  errorMessageBytesMax: 2 * 1024,
  progressNoteBytesMax: 256,
  reasonBytesMax: 256,
  unenforcedMax: 8,

  /** Of one frame. Who has more sends another. */
  assignmentsPerFrameMax: 1_024,
  reportsPerFrameMax: 1_024,
  attemptsPerFrameMax: 4_096,
  /** What the items of one frame may come to, encoded: it must fit a frame of `agent/links`. */
  frameItemsBytesMax: 768 * 1024,
} as const

assert(
  workLimits.scriptBytesMax < workLimits.assignmentBytesMax,
  'the longest script must fit an assignment',
)

/** Names, a hash, hosts, and tags and lengths around them. */
export const artifactSourceBytesMax =
  workLimits.stageNameBytesMax +
  workLimits.contentHashBytesMax +
  workLimits.artifactHoldersMax * (workLimits.holderBytesMax + 2) +
  16

assert(
  workLimits.assignmentBytesMax + workLimits.artifactSourcesMax * artifactSourceBytesMax <
    workLimits.frameItemsBytesMax,
  'the largest assignment must fit a frame, with the files that it is given',
)
assert(
  workLimits.outputsBytesMax + workLimits.logTailBytesMax < workLimits.frameItemsBytesMax,
  'the largest report must fit a frame',
)
