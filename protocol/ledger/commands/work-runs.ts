/**
 * Runs: begun once, stopped once, voted on once by each person. Who may is for those who propose to
 * check; that it counts once, and for the plan that was looked at, is checked here.
 */
import {
  bool,
  field,
  type Infer,
  map,
  message,
  nested,
  optional,
  repeated,
  uint,
} from '../../wire/schema.ts'
import {
  isRunOver,
  runStateOf,
  runStates,
  stopModeOf,
  stopModes,
  unitStates,
  waitReasons,
} from '../../work/states.ts'
import { type StateLimits, stateLimits } from '../limits.ts'
import { decodeRow, encodeRow, noOctets, octetsOfText } from '../octets.ts'
import type { Result } from '../result.ts'
import { isName, tables } from '../rows.ts'
import type { Transaction } from '../transaction.ts'
import { done, fitsText, freeBytes, freeText, kind, refused } from './kind.ts'
import {
  ApprovalRow,
  approvalRow,
  isStageName,
  type RunRetry,
  type RunRow,
  RunRow as RunRowSchema,
  RunSpec,
  readRun,
  runKeyRow,
  runOrderRow,
  runRow,
  runSpecRow,
  unitPlace,
  unitRow,
} from './work-rows.ts'
import { type UnitRow, unpackUnit } from './work-unit-row.ts'
import { holdWorkflow } from './work-workflows.ts'

const GroupGiven = message('RunGroupGiven', {
  key: field(1, freeText()),
  limit: field(2, uint()),
  policy: field(3, freeText()),
})
const ParentGiven = message('RunParentGiven', {
  run: field(1, freeText()),
  stage: field(2, freeText()),
  item: optional(3, uint()),
})
const RetryGiven = message('RunRetryGiven', {
  run: field(1, freeText()),
  keep: repeated(2, freeText(), stateLimits.entryBytesMax),
})

/** As a `RunSpec`, with room to say too much. */
export const RunStart = message('RunStart', {
  run: field(1, freeText()),
  workflow: field(2, freeText()),
  name: field(3, freeText()),
  inputs: field(4, freeText()),
  by: field(5, freeText()),
  labels: map(6, freeText(), freeText(), stateLimits.entryBytesMax),
  planHash: field(7, freeText()),
  key: optional(8, freeText()),
  priority: optional(9, uint()),
  group: optional(10, nested(GroupGiven)),
  parent: optional(11, nested(ParentGiven)),
  retry: optional(12, nested(RetryGiven)),
})
export type RunStart = Infer<typeof RunStart>

const RunAgain = message('RunAgain', {
  /** With a `retry` that names no stage. */
  start: field(1, nested(RunStart)),
  /** A set of the workflow's stages: see protocol/workflow. */
  kept: field(2, freeBytes()),
})

const RunStop = message('RunStop', {
  run: field(1, freeText()),
  by: field(2, freeText()),
  reason: field(3, freeText()),
})

const RunVote = message('RunVote', {
  run: field(1, freeText()),
  stage: field(2, freeText()),
  item: optional(3, uint()),
  by: field(4, freeText()),
  approves: field(5, bool()),
  /** Of the plan that the person has seen. */
  planHash: field(6, freeText()),
  note: optional(7, freeText()),
})

export const runKinds = {
  /** The same id, or the same key, with the same request: the run that there is. */
  runStart: kind(20, 1, 'anywhere', RunStart, startRun),
  runCancel: kind(21, 1, 'anywhere', RunStop, (tx, value) => stopRun(tx, value, stopModes.cancel)),
  runKill: kind(22, 1, 'anywhere', RunStop, (tx, value) => stopRun(tx, value, stopModes.kill)),
  /** Once for each person: the first word counts, and another one is a `conflict`. */
  runVote: kind(23, 1, 'anywhere', RunVote, vote),
  /** As `runStart`, for a run that keeps more stages of another than could be named. */
  runAgain: kind(27, 2, 'anywhere', RunAgain, startAgain),
}

function startAgain(tx: Transaction, { start, kept }: Infer<typeof RunAgain>): Result {
  const { retry } = start
  if (retry === undefined || retry.keep.length > 0) return refused('malformed')
  if (kept.length > tx.limits.stagesMax / 8) return refused('tooLarge')
  return startRun(tx, { ...start, retry: { ...retry, kept } })
}

type Beginning = Omit<RunStart, 'retry'> & { readonly retry?: RunRetry }

export function startRun(tx: Transaction, { run, ...given }: Beginning): Result {
  const { limits } = tx
  const refusal = check(limits, run, given)
  if (refusal !== undefined) return refused(refusal)
  const same = tx.get(runRow(run)) === undefined ? runWithKey(tx, given.key) : run
  if (same !== undefined) return again(tx, same, given)
  const spec = encodeRow(RunSpec, given)
  if (spec.length > limits.runSpecBytesMax) return refused('tooLarge')
  if (tx.count(tables.run) >= limits.runsMax || !tx.hasRoom(runSpecRow(run), spec)) {
    return refused('full')
  }
  if (!holdWorkflow(tx, given.workflow)) return refused('notFound')
  const { name, by, parent } = given
  const state = given.group === undefined ? runStates.running : runStates.queued
  writeRun(tx, run, {
    state,
    revision: tx.index,
    name,
    by,
    startedMs: tx.timeMs,
    stop: stopModes.none,
    index: tx.index,
    ...(parent === undefined ? {} : { parent: parent.run }),
  })
  tx.put(runSpecRow(run), spec)
  tx.put(runOrderRow(tx.timeMs, run), noOctets)
  if (given.key !== undefined) tx.put(runKeyRow(given.key), octetsOfText(run))
  const { workflow } = given
  const of = parent === undefined ? {} : { parent: parent.run }
  tx.tell({ kind: 'runStarted', run, name, workflow, by, ...of })
  return done(tx)
}

type Given = Omit<Beginning, 'run'>

function check(limits: StateLimits, run: string, given: Given): 'badName' | 'tooLarge' | undefined {
  const { workflow, planHash, name, key, group, parent, retry, labels } = given
  const isNamed =
    isId(limits, run) &&
    isName(workflow, 64) &&
    isName(planHash, 64) &&
    isName(name, limits.stageNameBytesMax) &&
    (key === undefined || isName(key, limits.runKeyBytesMax)) &&
    (parent === undefined || (isId(limits, parent.run) && isStageName(limits, parent.stage))) &&
    (retry === undefined ||
      (isId(limits, retry.run) && retry.keep.every((stage) => isStageName(limits, stage))))
  if (!isNamed) return 'badName'
  const entries = Object.entries(labels)
  const fits =
    fitsText(given.inputs, limits.runInputsBytesMax) &&
    fitsText(given.by, limits.noteBytesMax) &&
    (group === undefined ||
      (fitsText(group.key, limits.noteBytesMax) && isName(group.policy, 32))) &&
    (retry === undefined || retry.keep.length <= limits.stagesMax) &&
    entries.length <= limits.runLabelsMax &&
    entries.every(
      ([label, value]) =>
        fitsText(label, limits.labelNameBytesMax) && fitsText(value, limits.labelValueBytesMax),
    )
  return fits ? undefined : 'tooLarge'
}

/** A slash parts what stands in a key. */
function isId(limits: StateLimits, run: string): boolean {
  return isName(run, limits.runIdBytesMax) && !run.includes('/')
}

function runWithKey(tx: Transaction, key: string | undefined): string | undefined {
  return key === undefined ? undefined : tx.get(runKeyRow(key))
}

/** `ok` with the revision of the run that there is, when this asks for nothing else. */
function again(tx: Transaction, run: string, given: Given): Result {
  const row = tx.get(runSpecRow(run))
  const revision = readRun(tx, run)?.index ?? 0
  if (row === undefined) return { code: 'conflict', revision }
  const { workflow, inputs } = decodeRow(RunSpec, row)
  const isSame = workflow === given.workflow && inputs === given.inputs
  return { code: isSame ? 'ok' : 'conflict', revision }
}

export function writeRun(tx: Transaction, run: string, row: RunRow): void {
  tx.put(runRow(run), encodeRow(RunRowSchema, row))
}

/** What is asked already, or more than this, stays as it is. */
export function stopRun(tx: Transaction, given: Infer<typeof RunStop>, mode: number): Result {
  const { run, by, reason } = given
  const { noteBytesMax } = tx.limits
  if (!fitsText(by, noteBytesMax) || !fitsText(reason, noteBytesMax)) return refused('tooLarge')
  const row = readRun(tx, run)
  if (row === undefined) return refused('notFound')
  if (isRunOver(runStateOf(row.state)!)) return { code: 'stale', revision: row.revision }
  if (row.stop >= mode) return { code: 'ok', revision: row.revision }
  writeRun(tx, run, { ...row, stop: mode, stopBy: by, reason, revision: tx.index })
  tx.tell({ kind: 'runStopping', run, mode: stopModeOf(mode)!, by, reason })
  return done(tx)
}

function vote(tx: Transaction, given: Infer<typeof RunVote>): Result {
  const { run, stage, item, by, approves, planHash, note } = given
  const { limits } = tx
  if (!fitsText(by, limits.noteBytesMax) || !fitsText(note ?? '', limits.noteBytesMax)) {
    return refused('tooLarge')
  }
  const place = unitPlace(stage, item)
  const held = tx.get(approvalRow(run, place))
  const specRow = tx.get(runSpecRow(run))
  if (held === undefined || specRow === undefined) return refused('notFound')
  const spec = decodeRow(RunSpec, specRow)
  if (spec.planHash !== planHash) return { code: 'conflict', revision: readRun(tx, run)!.index }
  if (spec.by === by) return refused('notAllowed')
  const approval = decodeRow(ApprovalRow, held)
  const unit = unpackUnit(tx.get(unitRow(run, place))!)
  const { revision } = unit
  const said = approval.votes.find((each) => each.by === by)
  if (said) return { code: said.approves === approves ? 'ok' : 'conflict', revision }
  if (!isAsking(tx, run, unit)) return { code: 'stale', revision }
  if (approval.votes.length >= limits.votesMax) return refused('full')
  const own = { by, approves, timeMs: tx.timeMs, ...(note === undefined ? {} : { note }) }
  const row = encodeRow(ApprovalRow, { ...approval, votes: [...approval.votes, own] })
  tx.put(approvalRow(run, place), row)
  tx.tell({ kind: 'voted', run, stage, by, approves, ...(item === undefined ? {} : { item }) })
  return done(tx)
}

/** Whether a vote still counts: what has expired, begun or ended asks nobody any more. */
function isAsking(tx: Transaction, run: string, { state, rest }: UnitRow): boolean {
  if (isRunOver(runStateOf(readRun(tx, run)!.state)!)) return false
  const waits = state === unitStates.waiting && rest?.waitsFor === waitReasons.approval
  return waits && (rest.dueMs === undefined || tx.timeMs < rest.dueMs)
}

/** By enough people, and nobody denies. */
export function isApproved({ count, votes }: ApprovalRow): boolean {
  return votes.length >= count && votes.every(({ approves }) => approves)
}

export function isDenied({ votes }: ApprovalRow): boolean {
  return votes.some(({ approves }) => !approves)
}
