/**
 * What a leader may say happened in runs: the form of transitions. What they do is in
 * `work-advance.ts`. Whatever an expression was needed for has been evaluated: here are its results.
 */
import { quick } from '../../wire/quick.ts'
import {
  bool,
  field,
  type Infer,
  int,
  message,
  nested,
  optional,
  repeated,
  uint,
  union,
} from '../../wire/schema.ts'
import { stateLimits } from '../limits.ts'
import { freeBytes, freeBytesMax, freeText } from './kind.ts'
import { RunStart } from './work-runs.ts'
import { SignalSend } from './work-signals.ts'

const many = stateLimits.entryBytesMax

/**
 * Stages that this stands on, and whose ends may still be on their way to the ledger: when one of
 * them does not come to its end there, neither does this begin.
 */
const after = (number: number) => repeated(number, freeText(), many)

/** To an agent. Its fence is the term and the index of the entry. */
const AnyAssigned = message('UnitAssigned', {
  stage: field(1, freeText()),
  item: optional(2, uint()),
  attempt: field(3, uint()),
  node: field(4, freeText()),
  readyMs: field(5, uint()),
  after: after(6),
  /** Undoing, or cleaning up: goes on while the run is being cancelled. */
  closing: optional(7, bool()),
})
export const UnitAssigned = quick(AnyAssigned, (reader) => {
  if (!reader.comes(0x0a)) return undefined
  const stage = reader.text(freeBytesMax)
  const item = reader.comes(0x10) ? reader.uint() : undefined
  if (!reader.comes(0x18)) return undefined
  const attempt = reader.uint()
  if (!reader.comes(0x22)) return undefined
  const node = reader.text(freeBytesMax)
  if (!reader.comes(0x28)) return undefined
  const readyMs = reader.uint()
  const after: string[] = []
  while (reader.comes(0x32)) after.push(reader.text(freeBytesMax))
  if (item === undefined) return { stage, attempt, node, readyMs, after }
  return { stage, item, attempt, node, readyMs, after }
})
export type UnitAssigned = Infer<typeof UnitAssigned>

/** `HandedOn` of protocol/work: files that lie with the agent of the attempt. */
const UnitFiles = message('UnitFiles', {
  manifest: field(1, freeText()),
  files: field(2, uint()),
  bytes: field(3, uint()),
})

/** Likewise, and where they lie. */
const KeptFiles = message('KeptFiles', {
  item: optional(1, uint()),
  manifest: field(2, freeText()),
  files: field(3, uint()),
  bytes: field(4, uint()),
  node: field(5, freeText()),
})

const KeptArtifacts = message('KeptArtifacts', { lists: repeated(1, nested(KeptFiles), many) })

/** An attempt ended, or was lost with its agent; and what follows from that for the unit. */
const AnyFinished = message('UnitFinished', {
  stage: field(1, freeText()),
  item: optional(2, uint()),
  attempt: field(3, uint()),
  term: field(4, uint()),
  index: field(5, uint()),
  /** See `unitStates`: an end, or `waiting` for another try or for what stands in. */
  to: field(6, uint()),
  waitsFor: optional(7, uint()),
  dueMs: optional(8, uint()),
  errorClass: optional(9, freeText()),
  why: optional(10, freeText()),
  exitCode: optional(11, int()),
  outputs: optional(12, freeText()),
  /** `Finished` of protocol/work without outputs; absent: the attempt was lost. */
  record: optional(13, freeBytes()),
  signal: optional(14, nested(SignalSend)),
  /** When it has succeeded. */
  artifacts: optional(15, nested(UnitFiles)),
})
export const UnitFinished = quick(AnyFinished, (reader) => {
  if (!reader.comes(0x0a)) return undefined
  const stage = reader.text(freeBytesMax)
  const item = reader.comes(0x10) ? reader.uint() : undefined
  if (!reader.comes(0x18)) return undefined
  const attempt = reader.uint()
  if (!reader.comes(0x20)) return undefined
  const term = reader.uint()
  if (!reader.comes(0x28)) return undefined
  const index = reader.uint()
  if (!reader.comes(0x30)) return undefined
  const to = reader.uint()
  const outputs = reader.comes(0x62) ? reader.text(freeBytesMax) : undefined
  const record = reader.comes(0x6a) ? reader.view(freeBytesMax) : undefined
  const plain = { stage, attempt, term, index, to }
  if (item === undefined && outputs === undefined)
    return record === undefined ? plain : { ...plain, record }
  return {
    ...plain,
    ...(item === undefined ? {} : { item }),
    ...(outputs === undefined ? {} : { outputs }),
    ...(record === undefined ? {} : { record }),
  }
})
export type UnitFinished = Infer<typeof UnitFinished>

/** An end without an attempt. */
export const UnitSettled = message('UnitSettled', {
  stage: field(1, freeText()),
  item: optional(2, uint()),
  to: field(3, uint()),
  errorClass: optional(4, freeText()),
  why: optional(5, freeText()),
  outputs: optional(6, freeText()),
  after: after(7),
  signal: optional(8, nested(SignalSend)),
  /** It did so in the run that this one does again. */
  adopted: optional(9, bool()),
  /** Made in that run, or by what has stood in for it. */
  artifacts: optional(10, nested(KeptArtifacts)),
})
export type UnitSettled = Infer<typeof UnitSettled>

export const UnitWaiting = message('UnitWaiting', {
  stage: field(1, freeText()),
  item: optional(2, uint()),
  /** See `waitReasons`. */
  waitsFor: field(3, uint()),
  dueMs: optional(4, uint()),
  detail: optional(5, freeText()),
  key: optional(6, freeText()),
  readyMs: field(7, uint()),
  after: after(8),
  /** For an approval: how many people it takes, and what they are told. */
  count: optional(9, uint()),
  message: optional(10, freeText()),
  closing: optional(11, bool()),
  /** It has failed without an attempt, as by a run that it had started; before another try only. */
  errorClass: optional(12, freeText()),
})
export type UnitWaiting = Infer<typeof UnitWaiting>

export const UnitOpened = message('UnitOpened', {
  stage: field(1, freeText()),
  items: field(2, uint()),
  /** JSON, where they had to be computed. */
  list: optional(3, freeText()),
  readyMs: field(4, uint()),
  after: after(5),
  closing: optional(6, bool()),
})
export type UnitOpened = Infer<typeof UnitOpened>

/** It has started a run of another workflow. */
export const UnitLaunched = message('UnitLaunched', {
  stage: field(1, freeText()),
  item: optional(2, uint()),
  attempt: field(3, uint()),
  child: field(4, nested(RunStart)),
  /** False: it has succeeded by that. */
  waits: field(5, bool()),
  readyMs: field(6, uint()),
  after: after(7),
  closing: optional(8, bool()),
})
export type UnitLaunched = Infer<typeof UnitLaunched>

/** Stages that come to nothing, many at once. */
export const StagesPassed = message('StagesPassed', {
  stages: repeated(1, freeText(), many),
  /** `skipped` or `cancelled`. */
  to: field(2, uint()),
  why: optional(3, freeText()),
  after: after(4),
})
export type StagesPassed = Infer<typeof StagesPassed>

const RunAdmitted = message('RunAdmitted', {})

/** By the leader: its time is over, or its group has no room for it. */
const RunStopped = message('RunStopped', {
  mode: field(1, uint()),
  by: field(2, freeText()),
  reason: field(3, freeText()),
})

export const RunEnded = message('RunEnded', {
  to: field(1, uint()),
  outputs: optional(2, freeText()),
  reason: optional(3, freeText()),
  after: after(4),
})
export type RunEnded = Infer<typeof RunEnded>

/** Their first attempts, none with a ground that is on its way. See `work-waves.ts`. */
export const StagesAssigned = message('StagesAssigned', {
  /** Their names, with a slash between them. */
  stages: field(1, freeText()),
  node: field(2, freeText()),
  readyMs: field(3, uint()),
})
export type StagesAssigned = Infer<typeof StagesAssigned>

/** They succeeded, each by the attempt of this number and fence. */
export const StagesFinished = message('StagesFinished', {
  stages: field(1, freeText()),
  attempt: field(2, uint()),
  term: field(3, uint()),
  index: field(4, uint()),
  /** As of `UnitFinished`, of each of them. */
  record: optional(5, freeBytes()),
})
export type StagesFinished = Infer<typeof StagesFinished>

const ofOneUnit = {
  assigned: [1, UnitAssigned],
  finished: [2, UnitFinished],
  settled: [3, UnitSettled],
  waiting: [4, UnitWaiting],
  opened: [5, UnitOpened],
  launched: [6, UnitLaunched],
  passed: [7, StagesPassed],
  admitted: [8, RunAdmitted],
  stopped: [9, RunStopped],
  ended: [10, RunEnded],
} as const

export const Transition = union('Transition', ofOneUnit)
export type Transition = Infer<typeof Transition>

export const RunAdvance = message('RunAdvance', {
  run: field(1, freeText()),
  transitions: repeated(2, nested(Transition), many),
})
export type RunAdvance = Infer<typeof RunAdvance>

export const WorkAdvance = message('WorkAdvance', {
  runs: repeated(1, nested(RunAdvance), many),
  /** Of the leader whose turn it is. In an entry of another term, nothing of it has an effect. */
  term: field(2, uint()),
})
export type WorkAdvance = Infer<typeof WorkAdvance>

export const WaveTransition = union('WaveTransition', {
  ...ofOneUnit,
  stagesAssigned: [11, StagesAssigned],
  stagesFinished: [12, StagesFinished],
})
export type WaveTransition = Infer<typeof WaveTransition>

export const RunWave = message('RunWave', {
  run: field(1, freeText()),
  transitions: repeated(2, nested(WaveTransition), many),
})
export type RunWave = Infer<typeof RunWave>

/** As `WorkAdvance`, and many stages alike in one transition. */
export const WorkWave = message('WorkWave', {
  runs: repeated(1, nested(RunWave), many),
  term: field(2, uint()),
})
export type WorkWave = Infer<typeof WorkWave>

/** A second attempt, beside the one that is at work. Its fence is that of the entry. */
export const UnitRaced = message('UnitRaced', {
  stage: field(1, freeText()),
  item: optional(2, uint()),
  attempt: field(3, uint()),
  node: field(4, freeText()),
})
export type UnitRaced = Infer<typeof UnitRaced>

/** One of two attempts came to nothing, and the other goes on. */
export const UnitFellOut = message('UnitFellOut', {
  stage: field(1, freeText()),
  item: optional(2, uint()),
  attempt: field(3, uint()),
  term: field(4, uint()),
  index: field(5, uint()),
  /** As of `UnitFinished`. */
  record: optional(6, freeBytes()),
})
export type UnitFellOut = Infer<typeof UnitFellOut>

export const RaceTransition = union('RaceTransition', {
  ...ofOneUnit,
  stagesAssigned: [11, StagesAssigned],
  stagesFinished: [12, StagesFinished],
  raced: [13, UnitRaced],
  fellOut: [14, UnitFellOut],
})
export type RaceTransition = Infer<typeof RaceTransition>
/** Of one unit, or of the whole run. */
export type AnyTransition = Exclude<
  RaceTransition,
  { readonly kind: 'stagesAssigned' | 'stagesFinished' }
>

export const RunRace = message('RunRace', {
  run: field(1, freeText()),
  transitions: repeated(2, nested(RaceTransition), many),
})
export type RunRace = Infer<typeof RunRace>

/** As `WorkWave`, in a turn with attempts beside others. */
export const WorkRace = message('WorkRace', {
  runs: repeated(1, nested(RunRace), many),
  term: field(2, uint()),
})
export type WorkRace = Infer<typeof WorkRace>
