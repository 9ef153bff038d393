/**
 * Runs as rows: what each table holds, and where. Rows are small and each is written where it
 * changes, so that a transition costs the row of one unit and never that of the whole run.
 *
 * A unit is a stage, or an item of one. Its place is `stage`, or `stage/00042`; a slash stands in no
 * name of a stage.
 */
import {
  bool,
  bytes,
  field,
  type Infer,
  map,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
} from '../../wire/schema.ts'
import { type RunState, runStateOf } from '../../work/states.ts'
import { stateLimits as limits, type StateLimits } from '../limits.ts'
import { decodeRow, type Octets } from '../octets.ts'
import { ordinal, tables } from '../rows.ts'
import type { Transaction } from '../transaction.ts'
import { isAssignedInRow } from './work-unit-row.ts'

const runId = () => text(limits.runIdBytesMax)
const stageName = () => text(limits.stageNameBytesMax)
const note = () => text(limits.noteBytesMax)
const hash = () => text(64)

/** What changes of a run, and what a list of runs shows. */
export const RunRow = message('RunRow', {
  /** See `runStates`. This and the next stand first, so that they are read without the rest. */
  state: field(1, uint()),
  /** See `stopModes`. */
  stop: field(2, uint()),
  /** The entry that changed it last. */
  revision: field(3, uint()),
  name: field(4, text(limits.stageNameBytesMax)),
  by: field(5, note()),
  startedMs: field(6, uint()),
  endedMs: optional(7, uint()),
  stopBy: optional(8, note()),
  reason: optional(9, note()),
  parent: optional(10, runId()),
  /** The entry that made it. */
  index: field(11, uint()),
})
export type RunRow = Infer<typeof RunRow>

export const RunGroup = message('RunGroup', {
  key: field(1, note()),
  limit: field(2, uint()),
  policy: field(3, text(32)),
})
export type RunGroup = Infer<typeof RunGroup>

export const RunParent = message('RunParent', {
  run: field(1, runId()),
  stage: field(2, stageName()),
  item: optional(3, uint()),
})
export type RunParent = Infer<typeof RunParent>

/** A run again: what the stages in `keep` did in the run before counts for this one. */
export const RunRetry = message('RunRetry', {
  run: field(1, runId()),
  keep: repeated(2, stageName(), limits.stagesMax),
  /** In place of their names, where these would be too long: a set of the workflow's stages. */
  kept: optional(3, bytes(limits.stagesMax / 8)),
})
export type RunRetry = Infer<typeof RunRetry>

/** What never changes of a run. */
export const RunSpec = message('RunSpec', {
  workflow: field(1, hash()),
  name: field(2, text(limits.stageNameBytesMax)),
  /** With their defaults, as JSON. */
  inputs: field(3, text(limits.runInputsBytesMax)),
  by: field(4, note()),
  labels: map(
    5,
    text(limits.labelNameBytesMax),
    text(limits.labelValueBytesMax),
    limits.runLabelsMax,
  ),
  planHash: field(6, hash()),
  /** The same key again is the same run again. */
  key: optional(7, text(limits.runKeyBytesMax)),
  /** In place of the workflow's own. */
  priority: optional(8, uint()),
  group: optional(9, nested(RunGroup)),
  parent: optional(10, nested(RunParent)),
  retry: optional(11, nested(RunRetry)),
})
export type RunSpec = Infer<typeof RunSpec>

/** One try, from the beginning of the next one on. Until then it is in the row of its unit. */
export const AttemptRow = message('AttemptRow', {
  node: field(1, text(limits.nodeIdBytesMax)),
  term: field(2, uint()),
  index: field(3, uint()),
  assignedMs: field(4, uint()),
  endedMs: field(5, uint()),
  /** `Finished` of protocol/work, without outputs. Nobody here reads it. Absent: it was lost. */
  record: optional(6, bytes(limits.attemptRecordBytesMax)),
  /** Another attempt ended the unit before it, and there is no record. */
  outrun: optional(7, bool()),
})
export type AttemptRow = Infer<typeof AttemptRow>

/** A list of files that a stage has handed on, or an item of it. */
export const ArtifactsEntry = message('ArtifactsEntry', {
  item: optional(1, uint()),
  manifest: field(2, text(limits.contentHashBytesMax)),
  files: field(3, uint()),
  bytes: field(4, uint()),
  /** Who has made them, and keeps them as long as the run is here. */
  node: field(5, text(limits.nodeIdBytesMax)),
})
export type ArtifactsEntry = Infer<typeof ArtifactsEntry>

/** Of a unit: its own; of a stage that was taken over from another run, those of all its items. */
export const ArtifactsRow = message('ArtifactsRow', {
  lists: repeated(1, nested(ArtifactsEntry), limits.runArtifactsMax),
})
export type ArtifactsRow = Infer<typeof ArtifactsRow>

export const Vote = message('Vote', {
  by: field(1, note()),
  approves: field(2, bool()),
  timeMs: field(3, uint()),
  note: optional(4, note()),
})
export type Vote = Infer<typeof Vote>

export const ApprovalRow = message('ApprovalRow', {
  /** How many must approve. One who denies is enough. */
  count: field(1, uint()),
  votes: repeated(2, nested(Vote), limits.votesMax),
  message: optional(3, note()),
})
export type ApprovalRow = Infer<typeof ApprovalRow>

export const SignalRow = message('SignalRow', {
  event: field(1, note()),
  key: optional(2, note()),
  /** JSON. */
  data: optional(3, text(limits.signalDataBytesMax)),
  by: field(4, note()),
  timeMs: field(5, uint()),
})
export type SignalRow = Infer<typeof SignalRow>

export const WorkflowRow = message('WorkflowRow', {
  name: field(1, text(limits.stageNameBytesMax)),
  chunks: field(2, uint()),
  /** Pieces that are there. All: it is whole, and its hash was found right. */
  held: field(3, uint()),
  /** Runs, and names, that hold it. */
  references: field(4, uint()),
  putMs: field(5, uint()),
})
export type WorkflowRow = Infer<typeof WorkflowRow>

/** Which workflow a name means now. */
export const WorkflowName = message('WorkflowName', {
  hash: field(1, hash()),
  revision: field(2, uint()),
})

export const itemOrdinal = (item: number) => String(item).padStart(5, '0')

/** As the language has them: what parts a place from others stands in none. */
const stageForm = /^[A-Za-z0-9_-]+$/

export function isStageName({ stageNameBytesMax }: StateLimits, stage: string): boolean {
  return stage.length <= stageNameBytesMax && stageForm.test(stage)
}

/** Within a run. */
export function unitPlace(stage: string, item?: number): string {
  return item === undefined ? stage : `${stage}/${itemOrdinal(item)}`
}

export const runRow = (run: string) => tables.run + run
export const runSpecRow = (run: string) => tables.runSpec + run
export const runKeyRow = (key: string) => tables.runKey + key
/** Of no content: it stands where the run's start is in time, the latest first. */
export const runOrderRow = (startedMs: number, run: string) => `${runOrderAt(startedMs)}/${run}`
export const runOrderAt = (startedMs: number) =>
  tables.runOrder + ordinal(limits.timeMsMax - startedMs)
export const unitsOf = (run: string) => `${tables.unit}${run}/`
export const unitRow = (run: string, place: string) => `${tables.unit}${run}/${place}`
export const attemptsOf = (run: string) => `${tables.attempt}${run}/`
export const attemptsAt = (run: string, place: string) => `${tables.attempt}${run}/${place}#`
export const attemptRow = (run: string, place: string, attempt: number) =>
  attemptsAt(run, place) + itemOrdinal(attempt)
export const outputsOf = (run: string) => `${tables.output}${run}/`
/** The outputs of a unit; of the whole run with the place `=`. */
export const outputRow = (run: string, place: string) => `${tables.output}${run}/${place}`
export const runOutputsPlace = '='
/** The items of a stage with `forEach`. */
export const itemsPlace = (stage: string) => `${stage}=`
/** Beside the outputs of a unit: the files that it hands on. */
export const artifactsPlace = (place: string) => `${place}~`
export const approvalsOf = (run: string) => `${tables.approval}${run}/`
export const approvalRow = (run: string, place: string) => `${tables.approval}${run}/${place}`
export const signalsAt = (index: number) => `${tables.signal}${ordinal(index)}.`
export const signalRow = (index: number, number: number) => signalsAt(index) + itemOrdinal(number)
export const workflowRow = (hash: string) => tables.workflow + hash
export const workflowTexts = (hash: string) => `${tables.workflowText}${hash}/`
export const workflowText = (hash: string, chunk: number) =>
  workflowTexts(hash) + itemOrdinal(chunk)
export const workflowNameRow = (name: string) => tables.workflowName + name

/** Of a run, what every transition asks. */
export interface RunGate {
  readonly state: number
  readonly stop: number
}

/** Without reading the rest. */
export function stateOfRunRow(row: Octets): RunState {
  return runStateOf(row.charCodeAt(1)) as RunState
}

export function readGate(tx: Transaction, run: string): RunGate | undefined {
  const row = tx.get(runRow(run))
  return row === undefined ? undefined : { state: row.charCodeAt(1), stop: row.charCodeAt(3) }
}

/** Whether any unit at these keys is an agent's now. */
export function hasAssigned(tx: Transaction, from: string, to: string): boolean {
  return tx.some(from, to, isAssignedInRow)
}

export function readRun(tx: Transaction, run: string): RunRow | undefined {
  const row = tx.get(runRow(run))
  return row === undefined ? undefined : decodeRow(RunRow, row)
}
