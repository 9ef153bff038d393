/**
 * What the leader asks of an agent, and what the agent says came of it. The leader commits an
 * assignment before it sends it, and a result before it acts on it; the agent repeats the fence in
 * all it says, and what bears another than the current one is not taken.
 */
import type { ContentHash } from '../artifacts/hashes.ts'
import type { PeerId } from '../identity/peer-id.ts'
import {
  bool,
  field,
  float,
  type Infer,
  int,
  map,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
  union,
} from '../wire/schema.ts'
import { type ErrorClass, errorClasses } from '../workflow/model.ts'
import { AttemptId, Fence } from './fence.ts'
import { workLimits as limits } from './limits.ts'
import { AttemptStep } from './step.ts'

export const AttemptTimeouts = message('AttemptTimeouts', {
  /** From the start to the end of this attempt. Absent for no limit. */
  startToCloseMs: optional(1, uint()),
  /** Between two signs of progress: a line of output, or a write to `$SKEIN_PROGRESS`. */
  heartbeatMs: optional(2, uint()),
  /** From the first, polite signal of a cancellation to the one that cannot be ignored. */
  graceMs: optional(3, uint()),
})
export type AttemptTimeouts = Infer<typeof AttemptTimeouts>

/** What is set aside for the attempt, and enforced where the host can. */
export const AttemptResources = message('AttemptResources', {
  /** Cores. */
  cpu: optional(1, float()),
  memoryBytes: optional(2, uint()),
  diskBytes: optional(3, uint()),
  custom: map(4, text(limits.variableNameBytesMax), float(), limits.customResourcesMax),
})
export type AttemptResources = Infer<typeof AttemptResources>

/** Files that another stage, or an item of one, has handed on. */
export const ArtifactSource = message('ArtifactSource', {
  stage: field(1, text(limits.stageNameBytesMax)),
  manifest: field(2, text<ContentHash>(limits.contentHashBytesMax)),
  /** Who is said to have them, those who are there first. */
  holders: repeated(3, text<PeerId>(limits.holderBytesMax), limits.artifactHoldersMax),
})
export type ArtifactSource = Infer<typeof ArtifactSource>

export const Assignment = message('Assignment', {
  id: field(1, nested(AttemptId)),
  fence: field(2, nested(Fence)),
  step: field(3, nested(AttemptStep)),
  workflow: field(4, text(limits.workflowNameBytesMax)),
  env: map(5, text(limits.variableNameBytesMax), text(limits.variableBytesMax), limits.envMax),
  /** Variable and name of the secret that it is to hold. The agent fetches the secrets itself. */
  secrets: map(
    6,
    text(limits.variableNameBytesMax),
    text(limits.secretNameBytesMax),
    limits.secretsMax,
  ),
  /** Absent for one of the attempt's own, empty and gone with it. */
  directory: optional(7, text(limits.pathBytesMax)),
  timeouts: field(8, nested(AttemptTimeouts)),
  resources: field(9, nested(AttemptResources)),
  /** What the stage says under `with`, as JSON. */
  with: optional(10, text(limits.withBytesMax)),
  /** Patterns of the files that it hands on. */
  artifacts: repeated(11, text(limits.patternBytesMax), limits.patternsMax),
  /** Put into its directory before it starts, one after the other. */
  artifactsFrom: repeated(12, nested(ArtifactSource), limits.artifactSourcesMax),
  /** It runs in a sandbox, or not at all. */
  sandbox: optional(13, bool()),
  /** Variable and name of the secret, where the variable is to hold the path of a file with it. */
  secretFiles: map(
    14,
    text(limits.variableNameBytesMax),
    text(limits.secretNameBytesMax),
    limits.secretsMax,
  ),
  /** Of what kind it is (`fingerprint.ts`). Absent: its host learns nothing of it. */
  fingerprint: optional(15, text(limits.fingerprintBytesMax)),
})
export type Assignment = Infer<typeof Assignment>

/** Why an agent does not take an assignment. Nothing runs under its fence, and nothing will. */
export const refusalCodes = [
  /** Its room is taken. Another agent, or later. */
  'busy',
  /** It is about to stop. */
  'stopping',
  /** It knows a higher fence for the same task. */
  'stale',
  /** It cannot do such steps, or not on this host: `message` says what is missing. */
  'unsupported',
  /** Its disk takes no record. */
  'diskFailed',
  /** An emergency stop is in force for it there, or the agent does not know yet that none is. */
  'estop',
] as const
export type RefusalCode = (typeof refusalCodes)[number]

export const Refused = message('Refused', {
  code: field(1, text<RefusalCode>(32)),
  message: field(2, text(limits.errorMessageBytesMax)),
})
export type Refused = Infer<typeof Refused>

/** On the agent's disk, synced: a restart of the agent does not start it a second time. */
export const Accepted = message('Accepted', {
  /** What was asked for and this host cannot enforce: `memory`, `cpu`, `pids`, `disk`. */
  unenforced: repeated(1, text(32), limits.unenforcedMax),
})
export type Accepted = Infer<typeof Accepted>

export const Running = message('Running', {
  /** 0 to 1, where the stage says so. */
  progress: optional(1, float()),
  note: optional(2, text(limits.progressNoteBytesMax)),
  /** Since the start, and since the last sign of progress. */
  forMs: field(3, uint()),
  silentMs: field(4, uint()),
})
export type Running = Infer<typeof Running>

/** What an attempt hands on: the name of a list of files, which lie with its agent. */
export const HandedOn = message('HandedOn', {
  manifest: field(1, text<ContentHash>(limits.contentHashBytesMax)),
  files: field(2, uint()),
  bytes: field(3, uint()),
})
export type HandedOn = Infer<typeof HandedOn>

export const Succeeded = message('Succeeded', {
  /** An object, as JSON; absent for none. */
  outputs: optional(1, text(limits.outputsBytesMax)),
  /** Absent: it has no patterns of files to hand on. */
  artifacts: optional(2, nested(HandedOn)),
})
export type Succeeded = Infer<typeof Succeeded>

export const Failed = message('Failed', {
  errorClass: field(1, text<ErrorClass>(16)),
  /** For programs: `exit`, `signal`, `outOfMemory`, `notFound`, `badOutput`, `httpStatus`, … */
  code: field(2, text(limits.errorCodeBytesMax)),
  /** For people: what, where, what to do next. */
  message: field(3, text(limits.errorMessageBytesMax)),
  exitCode: optional(4, int()),
  signal: optional(5, text(16)),
})
export type Failed = Infer<typeof Failed>

/** Everything that the attempt had started is gone. */
export const Cancelled = message('Cancelled', { reason: field(1, text(limits.reasonBytesMax)) })
export type Cancelled = Infer<typeof Cancelled>

export type AttemptTimeout = 'startToClose' | 'heartbeat'

/** Likewise gone. */
export const TimedOut = message('TimedOut', {
  which: field(1, text<AttemptTimeout>(16)),
  afterMs: field(2, uint()),
})
export type TimedOut = Infer<typeof TimedOut>

/** How an attempt ended. Never changes once it is said. */
export const Outcome = union('Outcome', {
  succeeded: [1, Succeeded],
  failed: [2, Failed],
  cancelled: [3, Cancelled],
  timedOut: [4, TimedOut],
})
export type Outcome = Infer<typeof Outcome>

/** What it took. A figure that the host cannot tell is absent, never zero. */
export const Usage = message('Usage', {
  cpuUserMs: optional(1, uint()),
  cpuSystemMs: optional(2, uint()),
  memoryPeakBytes: optional(3, uint()),
  ioReadBytes: optional(4, uint()),
  ioWrittenBytes: optional(5, uint()),
  /** On the agent: from accepted to being started, from there to running, from there to the end. */
  queueMs: optional(6, uint()),
  startMs: optional(7, uint()),
  wallMs: optional(8, uint()),
  /** Of standard output and standard error, all of it. */
  logBytes: optional(9, uint()),
})
export type Usage = Infer<typeof Usage>

/** In the agent's outbox, synced, until the leader says that it is committed. */
export const Finished = message('Finished', {
  outcome: field(1, nested(Outcome)),
  usage: field(2, nested(Usage)),
  /** The end of what it wrote, standard output and standard error as they came. */
  logTail: optional(3, text(limits.logTailBytesMax)),
  /** By the agent's calendar: for people. */
  startedAtMs: optional(4, uint()),
  endedAtMs: field(5, uint()),
})
export type Finished = Infer<typeof Finished>

export const AttemptNews = union('AttemptNews', {
  accepted: [1, Accepted],
  running: [2, Running],
  finished: [3, Finished],
  refused: [4, Refused],
})
export type AttemptNews = Infer<typeof AttemptNews>

export const AttemptReport = message('AttemptReport', {
  id: field(1, nested(AttemptId)),
  fence: field(2, nested(Fence)),
  news: field(3, nested(AttemptNews)),
})
export type AttemptReport = Infer<typeof AttemptReport>

/** A class that this version does not know counts as the mildest: newer agents may say more. */
export function errorClassOf(text: string): ErrorClass {
  return errorClasses.find((known) => known === text) ?? 'transient'
}

/** The class that decides about another try; undefined where the attempt did not fail. */
export function classOfOutcome(outcome: Outcome): ErrorClass | undefined {
  if (outcome.kind === 'failed') return errorClassOf(outcome.value.errorClass)
  return outcome.kind === 'timedOut' ? 'transient' : undefined
}
