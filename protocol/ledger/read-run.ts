/**
 * One run as it is read. A page of it may be read at another entry than the next; whoever acts upon
 * a run reads it whole, from one state: `wholeRun`.
 */
import { assert } from '../assert.ts'
import {
  runStateOf,
  stopModeOf,
  type UnitState,
  unitStateOf,
  waitReasonOf,
} from '../work/states.ts'
import { type ErrorClass, errorClasses } from '../workflow/model.ts'
import {
  ApprovalRow,
  ArtifactsRow,
  AttemptRow,
  approvalRow,
  approvalsOf,
  artifactsPlace,
  attemptsAt,
  itemsPlace,
  outputRow,
  outputsOf,
  RunRow,
  RunSpec,
  runOutputsPlace,
  runRow,
  runSpecRow,
  unitPlace,
  unitRow,
  unitsOf,
} from './commands/work-rows.ts'
import { isApproved, isDenied } from './commands/work-runs.ts'
import { type LastTry, type UnitRest, type UnitRow, unpackUnit } from './commands/work-unit-row.ts'
import { type LocalLimits, localLimits } from './limits.ts'
import { decodeRow, fromOctets, type Octets, textOfOctets } from './octets.ts'
import { one, page, spanOf, type Tally } from './paging.ts'
import type { Paging } from './queries.ts'
import { endOf } from './rows.ts'
import type { LedgerState } from './state.ts'
import type { ApprovalView, AttemptView, RunHead, RunView, UnitView } from './work-view.ts'

export interface RunQuestion extends Paging {
  readonly run: string
  /** Whether the attempts of units are wanted. */
  readonly attempts?: boolean
}

export function viewRun(
  state: LedgerState,
  { run, attempts, ...paging }: RunQuestion,
  limits: LocalLimits,
): RunView | undefined {
  const head = headOf(state, run)
  const spec = one(state, runSpecRow(run), (row) => decodeRow(RunSpec, row))
  if (head === undefined || spec === undefined) return undefined
  const beside: Beside = {
    hasOutputs: hasAny(state, outputsOf(run)),
    hasApprovals: hasAny(state, approvalsOf(run)),
    withAttempts: attempts === true,
  }
  const { runUnitsMax, runViewBytesMax } = limits
  const wide = { ...limits, listItemsMax: runUnitsMax, listBytesMax: runViewBytesMax }
  const { items, next } = page(state, spanOf(unitsOf(run)), paging, wide, (place, row, tally) =>
    unitOf(state, run, place, row, beside, tally),
  )
  const outputs = one(state, outputRow(run, runOutputsPlace), textOfOctets)
  return {
    run,
    head,
    spec,
    ...(outputs === undefined ? {} : { outputs }),
    units: items,
    ...(next === undefined ? {} : { next }),
  }
}

/** All of a run as of one state, however large it is. */
export function wholeRun(
  state: LedgerState,
  question: Omit<RunQuestion, keyof Paging>,
  limits: LocalLimits = localLimits,
): RunView | undefined {
  const view = viewRun(state, question, limits)
  if (view === undefined) return undefined
  const { next, ...rest } = view
  for (let after = next; after !== undefined; ) {
    const more = viewRun(state, { ...question, after }, limits)
    assert(more !== undefined, 'a run must be there as long as its state', { run: question.run })
    for (const unit of more.units) rest.units.push(unit)
    after = more.next
  }
  return rest
}

export function viewUnit(
  state: LedgerState,
  { run, stage, item }: { readonly run: string; readonly stage: string; readonly item?: number },
): UnitView | undefined {
  const place = unitPlace(stage, item)
  const beside = { hasOutputs: true, hasApprovals: true, withAttempts: true }
  return one(state, unitRow(run, place), (row) =>
    unitOf(state, run, place, row, beside, { bytes: 0 }),
  )
}

/** Whether this attempt is at work there: of a unit in a race there are two. */
export function isAtWork(unit: UnitView, node: string, attempt: number): boolean {
  if (unit.state !== 'assigned') return false
  const { rival, raced } = unit
  return (
    (unit.node === node && unit.attempt === attempt) || (rival?.node === node && raced === attempt)
  )
}

function headOf(state: LedgerState, run: string): RunHead | undefined {
  return one(state, runRow(run), (row) => runHead(run, row))
}

export function runHead(run: string, row: Octets): RunHead {
  const { state, stop, ...rest } = decodeRow(RunRow, row)
  return { run, state: known(runStateOf(state)), stop: known(stopModeOf(stop)), ...rest }
}

/** Which other tables are worth looking into. */
interface Beside {
  readonly hasOutputs: boolean
  readonly hasApprovals: boolean
  readonly withAttempts: boolean
}

function hasAny({ rows }: LedgerState, prefix: string): boolean {
  return rows.rank(endOf(prefix)) > rows.rank(prefix)
}

function unitOf(
  state: LedgerState,
  run: string,
  place: string,
  row: Octets,
  { hasOutputs, hasApprovals, withAttempts }: Beside,
  tally: Tally,
): UnitView {
  const held = unpackUnit(row)
  const at = place.indexOf('/')
  const unit: UnitView = {
    stage: at < 0 ? place : place.slice(0, at),
    state: known<UnitState>(unitStateOf(held.state)),
    revision: held.revision,
    attempt: held.attempt,
    readyMs: held.readyMs,
    changedMs: held.changedMs,
    failures: {},
  }
  if (at >= 0) unit.item = Number(place.slice(at + 1))
  if (held.fence !== undefined && unit.state === 'assigned') unit.fence = held.fence
  if (held.node !== '') unit.node = held.node
  if (held.rest !== undefined) addRest(unit, held.rest)
  if (hasOutputs) {
    const outputs = state.rows.get(outputRow(run, place))
    if (outputs !== undefined) unit.outputs = textOfOctets(outputs)
    const list =
      held.rest?.items === undefined ? undefined : state.rows.get(outputRow(run, itemsPlace(place)))
    if (list !== undefined) unit.list = textOfOctets(list)
    const artifacts = state.rows.get(outputRow(run, artifactsPlace(place)))
    if (artifacts !== undefined) unit.artifacts = decodeRow(ArtifactsRow, artifacts).lists
    tally.bytes += (outputs?.length ?? 0) + (list?.length ?? 0) + (artifacts?.length ?? 0)
  }
  if (hasApprovals) {
    const approval = state.rows.get(approvalRow(run, place))
    if (approval !== undefined) unit.approval = approvalOf(approval)
    tally.bytes += approval?.length ?? 0
  }
  if (withAttempts) {
    unit.attempts = []
    const attempts = attemptsAt(run, place)
    for (const [key, attempt] of state.rows.entries(attempts, endOf(attempts))) {
      unit.attempts.push(attemptOf(Number(key.slice(attempts.length)), attempt))
      tally.bytes += attempt.length
    }
    if (held.last !== undefined) unit.attempts.push(lastOf(held, held.last))
    // Of two at work at once, the earlier one may have been the last to end.
    if (unit.raced !== undefined) unit.attempts.sort((a, b) => a.attempt - b.attempt)
  }
  return unit
}

function addRest(unit: UnitView, { failures, waitsFor, rival, ...rest }: UnitRest): void {
  Object.assign(unit, rest)
  if (rival !== undefined) {
    const { node, term, index, assignedMs } = rival
    unit.rival = { node, fence: { term, index }, assignedMs }
  }
  failures.forEach((count, i) => {
    if (count > 0) unit.failures[errorClasses[i] as ErrorClass] = count
  })
  if (waitsFor !== undefined) unit.waitsFor = known(waitReasonOf(waitsFor))
}

function approvalOf(row: Octets): ApprovalView {
  const approval = decodeRow(ApprovalRow, row)
  return { ...approval, approved: isApproved(approval), denied: isDenied(approval) }
}

function attemptOf(attempt: number, row: Octets): AttemptView {
  const { term, index, ...rest } = decodeRow(AttemptRow, row)
  return { attempt, fence: { term, index }, ...rest }
}

function lastOf({ attempt, node, fence }: UnitRow, { record, ...ended }: LastTry): AttemptView {
  assert(fence !== undefined, 'an attempt must have had a fence', { attempt })
  const view = { attempt, node, fence, ...ended }
  return record === undefined ? view : { ...view, record: fromOctets(record) }
}

function known<T>(name: T | undefined): T {
  assert(name !== undefined, 'a row must hold only states that there are')
  return name
}
