/**
 * A run as it is kept when the ledger has it no more: all that there was to read of it. A record is
 * a row of parts, each with some of the units, so that a large run is taken out of the ledger a few
 * dozen units at a time. The first part tells what is of the whole run.
 */
import {
  ApprovalRow,
  ArtifactsRow,
  AttemptRow,
  RunRow,
  RunSpec,
} from '../../protocol/ledger/commands/work-rows.ts'
import { isApproved, isDenied } from '../../protocol/ledger/commands/work-runs.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import type {
  ApprovalView,
  AttemptView,
  RunHead,
  RunView,
  UnitView,
} from '../../protocol/ledger/work-view.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import {
  bool,
  field,
  type Infer,
  int,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
} from '../../protocol/wire/schema.ts'
import {
  runStateOf,
  runStates,
  stopModeOf,
  stopModes,
  unitStateOf,
  unitStates,
  waitReasonOf,
  waitReasons,
} from '../../protocol/work/states.ts'
import { type ErrorClass, errorClasses } from '../../protocol/workflow/model.ts'
import { recordLimits } from './limits.ts'

const note = () => text(stateLimits.noteBytesMax)
const json = (bytesMax: number) => text(bytesMax)

const AttemptRecord = message('AttemptRecord', {
  attempt: field(1, uint()),
  row: field(2, nested(AttemptRow)),
})

/** Of a `UnitView`, each field under its name where that says enough. */
const UnitRecord = message('UnitRecord', {
  stage: field(1, text(stateLimits.stageNameBytesMax)),
  item: optional(2, uint()),
  state: field(3, uint()),
  revision: field(4, uint()),
  attempt: field(5, uint()),
  readyMs: field(6, uint()),
  changedMs: field(7, uint()),
  node: optional(8, text(stateLimits.nodeIdBytesMax)),
  failures: repeated(9, uint(), 16),
  waitsFor: optional(10, uint()),
  dueMs: optional(11, uint()),
  detail: optional(12, note()),
  key: optional(13, note()),
  items: optional(14, uint()),
  list: optional(15, json(stateLimits.runItemsBytesMax)),
  errorClass: optional(16, text(16)),
  why: optional(17, text(2 * stateLimits.noteBytesMax)),
  exitCode: optional(18, int()),
  adopted: optional(19, bool()),
  outputs: optional(20, json(stateLimits.runOutputsBytesMax)),
  approval: optional(21, nested(ApprovalRow)),
  attempts: repeated(22, nested(AttemptRecord), recordLimits.attemptsMax),
  artifacts: optional(23, nested(ArtifactsRow)),
  raced: optional(24, uint()),
})
type UnitRecord = Infer<typeof UnitRecord>

const Whole = message('RunWhole', {
  run: field(1, text(stateLimits.runIdBytesMax)),
  head: field(2, nested(RunRow)),
  spec: field(3, nested(RunSpec)),
  outputs: optional(4, json(stateLimits.runOutputsBytesMax)),
})

const Part = message('RunPart', {
  whole: optional(1, nested(Whole)),
  units: repeated(2, nested(UnitRecord), stateLimits.stagesMax + stateLimits.runItemsMax),
})

/** The first part of a record comes with the run, the others with units only. */
export function encodePart(units: readonly UnitView[], of?: Omit<RunView, 'units'>): Uint8Array {
  const recorded = units.map(unitRecord)
  if (of === undefined) return encode(Part, { units: recorded })
  const { run, head, spec, outputs } = of
  const whole = {
    run,
    head: rowOfHead(head),
    spec,
    ...(outputs === undefined ? {} : { outputs }),
  }
  return encode(Part, { whole, units: recorded })
}

/** Undefined when the parts make no run: what they were in is damaged, or of another version. */
export function decodeParts(parts: Iterable<Uint8Array>): RunView | undefined {
  let view: RunView | undefined
  for (const bytes of parts) {
    const decoded = decode(Part, bytes)
    if (!decoded.ok) return undefined
    const { whole, units } = decoded.value
    if (view === undefined) {
      const head = whole && headOfRow(whole.run, whole.head)
      if (whole === undefined || head === undefined) return undefined
      const { run, spec, outputs } = whole
      view = { run, head, spec, ...(outputs === undefined ? {} : { outputs }), units: [] }
    }
    for (const record of units) {
      const unit = unitView(record)
      if (unit === undefined) return undefined
      view.units.push(unit)
    }
  }
  return view
}

export function rowOfHead({ run: _, state, stop, ...rest }: RunHead): Infer<typeof RunRow> {
  return { ...rest, state: runStates[state], stop: stopModes[stop] }
}

export function headOfRow(run: string, row: Infer<typeof RunRow>): RunHead | undefined {
  const { state, stop, ...rest } = row
  const named = runStateOf(state)
  const mode = stopModeOf(stop)
  return named && mode && { run, ...rest, state: named, stop: mode }
}

/** A fence is of what is assigned, and nothing is when a run has ended. */
function unitRecord(unit: UnitView): UnitRecord {
  const { state, failures, waitsFor, approval, artifacts, attempts = [], ...more } = unit
  const { fence: _, rival: __, ...rest } = more
  const counts = errorClasses.map((errorClass) => failures[errorClass] ?? 0)
  while (counts.at(-1) === 0) counts.pop()
  return {
    ...rest,
    state: unitStates[state],
    failures: counts,
    ...(waitsFor === undefined ? {} : { waitsFor: waitReasons[waitsFor] }),
    ...(approval === undefined ? {} : { approval: approvalRow(approval) }),
    ...(artifacts === undefined ? {} : { artifacts: { lists: artifacts } }),
    attempts: attempts.map(attemptRecord),
  }
}

function unitView(record: UnitRecord): UnitView | undefined {
  const { state, failures, waitsFor, approval, artifacts, attempts, ...rest } = record
  const named = unitStateOf(state)
  if (named === undefined) return undefined
  const reason = waitsFor === undefined ? undefined : waitReasonOf(waitsFor)
  const view: UnitView = {
    ...rest,
    state: named,
    failures: {},
    attempts: attempts.map(attemptView),
  }
  failures.forEach((count, i) => {
    if (count > 0 && i < errorClasses.length) view.failures[errorClasses[i] as ErrorClass] = count
  })
  if (reason !== undefined) view.waitsFor = reason
  if (approval !== undefined) view.approval = approvalView(approval)
  if (artifacts !== undefined) view.artifacts = artifacts.lists
  return view
}

function approvalRow({ approved: _, denied: __, ...row }: ApprovalView): Infer<typeof ApprovalRow> {
  return row
}

function approvalView(row: Infer<typeof ApprovalRow>): ApprovalView {
  return { ...row, approved: isApproved(row), denied: isDenied(row) }
}

function attemptRecord({ attempt, fence, ...rest }: AttemptView): Infer<typeof AttemptRecord> {
  return { attempt, row: { ...rest, term: fence.term, index: fence.index } }
}

function attemptView({ attempt, row }: Infer<typeof AttemptRecord>): AttemptView {
  const { term, index, ...rest } = row
  return { attempt, fence: { term, index }, ...rest }
}
