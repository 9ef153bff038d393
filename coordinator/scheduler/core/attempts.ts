/**
 * What agents say of attempts, and what follows for the unit. An attempt is its agent's until the
 * agent says that it is over, or is lost itself.
 */

import { readStopText } from '../../../protocol/estop/text.ts'
import { stateLimits } from '../../../protocol/ledger/limits.ts'
import { encode } from '../../../protocol/wire/codec.ts'
import {
  type AttemptReport,
  classOfOutcome,
  Finished,
  type Outcome,
  type Refused,
} from '../../../protocol/work/attempt.ts'
import { compareFences } from '../../../protocol/work/fence.ts'
import { unitStates, waitReasons } from '../../../protocol/work/states.ts'
import { type ErrorClass, errorClasses } from '../../../protocol/workflow/model.ts'
import { seconds } from '../../placement/words.ts'
import { enqueue, watchTimes } from './attempt-times.ts'
import { leaveOther } from './beside.ts'
import { type Core, isStopped, named } from './core.ts'
import { type AttemptPart, cancelled, type Failure, fail, sayFinished, succeed } from './ends.ts'
import { lostFiles, noteHolder } from './handed-on.ts'
import { schedulerTimes } from './limits.ts'
import { fallsOut, outrun } from './parting.ts'
import { stop } from './phases.ts'
import { nextTryMs } from './retrying.ts'
import { giveBack } from './room.ts'
import type { Unit } from './run.ts'
import { signalOf } from './sent-signal.ts'

export type Taken = 'taken' | 'stale' | 'later'

/** What an agent says of the attempt that the unit is assigned as. */
export function hear(core: Core, unit: Unit, report: AttemptReport): Taken {
  const { news, fence } = report
  if (unit.fence === undefined) return 'later'
  const order = compareFences(fence, unit.fence)
  if (order !== 0) return order < 0 ? 'stale' : 'later'
  switch (news.kind) {
    case 'accepted':
      accepted(core, unit)
      return 'taken'
    case 'running': {
      const { progress, note } = news.value
      unit.progress = { share: progress, note }
      accepted(core, unit)
      return 'taken'
    }
    case 'refused':
      declined(core, unit, news.value)
      return 'taken'
    case 'finished':
      finish(core, unit, news.value)
      return 'taken'
  }
}

/** `forMs`: for how long its host has had it. */
export function accepted(core: Core, unit: Unit, forMs = 0): void {
  unit.heardMs = core.nowMs
  if (unit.isAccepted) return
  unit.isAccepted = true
  unit.acceptedMs ??= core.nowMs - forMs
  watchTimes(core, unit)
}

/** Nothing of the attempt runs, and nothing will: it is no failure, and counts for none. */
function declined(core: Core, unit: Unit, { code, message }: Refused): void {
  const { node } = unit
  const attempt = partOf(unit, undefined)
  if (code === 'estop') {
    giveBack(core, unit)
    if (fallsOut(core, unit, attempt) || endsCancelled(core, unit, attempt)) return
    tryAgain(core, unit, core.nowMs + schedulerTimes.stoppedPauseMs, undefined, attempt)
    return
  }
  if (code === 'unsupported') {
    unit.declined = new Set(unit.declined).add(node)
    unit.unsupported = message
  } else {
    const isUnfit = code === 'stopping' || code === 'diskFailed'
    const pauseMs = isUnfit ? schedulerTimes.unfitPauseMs : schedulerTimes.busyPauseMs
    pause(core, node, core.nowMs + pauseMs)
  }
  giveBack(core, unit)
  if (fallsOut(core, unit, attempt) || endsCancelled(core, unit, attempt)) return
  tryAgain(core, unit, core.nowMs, undefined, attempt)
}

function pause(core: Core, node: string, untilMs: number): void {
  core.paused.set(node, Math.max(untilMs, core.paused.get(node) ?? 0))
  core.hostsChanged()
}

function partOf(unit: Unit, record: Uint8Array | undefined): AttemptPart {
  const { term, index } = unit.fence!
  return { attempt: unit.attempt, term, index, ...(record === undefined ? {} : { record }) }
}

function finish(core: Core, unit: Unit, finished: Finished): void {
  const { outcome } = finished
  const attempt = partOf(unit, recordOf(finished))
  giveBack(core, unit)
  if (outcome.kind === 'succeeded') {
    const { outputs } = outcome.value
    const wrong = (outputs === undefined ? undefined : wrongWith(outputs)) ?? wrongBeside(unit)
    if (wrong === undefined) {
      const { artifacts } = outcome.value
      const loser = leaveOther(unit)
      noteHolder(unit.run, unit.plan, unit.node)
      const handed = artifacts === undefined ? [] : [{ ...artifacts, node: unit.node }]
      succeed(core, unit, outputs, attempt, handed)
      if (loser !== undefined) outrun(core, unit, loser)
    } else if (!fallsOut(core, unit, attempt)) {
      fail(core, unit, { errorClass: 'input', why: wrong }, attempt)
    }
    return
  }
  if (outcome.kind === 'cancelled') {
    const { reason } = outcome.value
    // Its agent was stopped, and this host has not heard of it yet: the run is over, as for all.
    const stopped = readStopText(reason)
    if (stopped !== undefined && stopped.scope.kind !== 'label') {
      stop(core, unit.run, 'kill', reason)
    }
    if (fallsOut(core, unit, attempt) || endsCancelled(core, unit, attempt)) return
    cancelled(core, unit, reason, attempt)
    return
  }
  if (fallsOut(core, unit, attempt)) return
  failed(core, unit, lostFiles(core, unit, outcome) ?? failureOf(outcome), attempt)
}

/** Its agent is gone, and all that ran there with it. */
export function lose(core: Core, unit: Unit): void {
  const { node } = unit
  const attempt = partOf(unit, undefined)
  giveBack(core, unit)
  if (fallsOut(core, unit, attempt)) return
  unit.avoid = node
  const why = `it was lost with its host ${core.hosts.get(node)?.name ?? node}`
  failed(core, unit, { errorClass: 'lost', why }, attempt)
}

function failureOf(outcome: Extract<Outcome, { kind: 'failed' | 'timedOut' }>): Failure {
  const errorClass = classOfOutcome(outcome)!
  if (outcome.kind === 'failed') {
    const { message, exitCode } = outcome.value
    return { errorClass, why: message, exitCode }
  }
  const { which, afterMs } = outcome.value
  const words =
    which === 'heartbeat'
      ? `it gave no sign of progress within ${seconds(afterMs)}, its heartbeat timeout`
      : `it took longer than ${seconds(afterMs)}, its timeout`
  return { errorClass, why: words }
}

function failed(core: Core, unit: Unit, failure: Failure, attempt: AttemptPart): void {
  const { errorClass } = failure
  const count = counted(unit, errorClass)
  if (endsCancelled(core, unit, attempt)) return
  const mayRetry = !isStopped(unit) && unit.parent?.items?.isStopped !== true
  const dueMs = mayRetry
    ? nextTryMs(unit.plan.stage, errorClass, count, core.random, core.nowMs)
    : undefined
  if (dueMs === undefined) fail(core, unit, failure, attempt)
  else tryAgain(core, unit, dueMs, failure, attempt)
}

function counted(unit: Unit, errorClass: ErrorClass): number {
  unit.failures ??= errorClasses.map(() => 0)
  return ++unit.failures[errorClasses.indexOf(errorClass)]!
}

/** It was being stopped: true when it ends by that. */
function endsCancelled(core: Core, unit: Unit, attempt: AttemptPart): boolean {
  const { cancelling } = unit
  if (cancelling === undefined) return false
  const { to, why } = cancelling
  if (to !== 'cancelled') fail(core, unit, { errorClass: 'transient', why }, attempt)
  else cancelled(core, unit, why, attempt)
  return true
}

function tryAgain(
  core: Core,
  unit: Unit,
  dueMs: number,
  failure: Failure | undefined,
  attempt: AttemptPart,
): void {
  if (isStopped(unit)) {
    cancelled(core, unit, unit.run.stopReason, attempt)
    return
  }
  unit.state = unitStates.waiting
  unit.waitsFor = 'retry'
  unit.dueMs = dueMs
  unit.triedMs = dueMs
  unit.fence = undefined
  if (failure !== undefined) unit.lastError = { ...failure, exitCode: failure.exitCode }
  const said = {
    ...named(unit),
    to: unitStates.waiting,
    waitsFor: waitReasons.retry,
    dueMs,
    ...(failure === undefined
      ? {}
      : { errorClass: failure.errorClass, why: failure.why.slice(0, 340) }),
    ...(failure?.exitCode === undefined ? {} : { exitCode: failure.exitCode }),
  }
  sayFinished(core, unit, said, 1_024, attempt)
  if (dueMs <= core.nowMs) enqueue(core, unit)
  else watchTimes(core, unit)
}

/** What the ledger keeps of it: outputs and files have rows of their own. */
function recordOf({ outcome, ...rest }: Finished): Uint8Array {
  const bare: Outcome = outcome.kind === 'succeeded' ? { kind: 'succeeded', value: {} } : outcome
  const record = encode(Finished, { ...rest, outcome: bare })
  if (record.length <= stateLimits.attemptRecordBytesMax) return record
  // A log that makes it too large is left with the agent.
  const { logTail: _, ...short } = rest
  return encode(Finished, { ...short, outcome: bare })
}

/** As long as another attempt is at work, a success that comes to nothing is that attempt's alone. */
function wrongBeside(unit: Unit): string | undefined {
  if (unit.beside === undefined) return undefined
  const signal = signalOf(unit)
  return signal.ok ? undefined : signal.why
}

/** Agents check what stages write; this is for one that did not. */
function wrongWith(outputs: string): string | undefined {
  if (Buffer.byteLength(outputs) > stateLimits.runOutputsBytesMax) {
    return `its outputs have more than ${stateLimits.runOutputsBytesMax} bytes; hand on a file`
  }
  try {
    const value: unknown = JSON.parse(outputs)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? undefined : 'its outputs are no JSON object'
  } catch {
    return 'its outputs are no JSON'
  }
}
