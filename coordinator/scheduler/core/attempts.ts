/**
 * Attempts: from a unit that is ready to its assignment, and from what the agent says to what follows
 * for the unit. An attempt is the agent's until the agent says that it is over, or is lost itself.
 */

import { stateLimits } from '../../../protocol/ledger/limits.ts'
import { encode } from '../../../protocol/wire/codec.ts'
import {
  type Assignment,
  type AttemptReport,
  classOfOutcome,
  Finished,
  type Outcome,
  type Refused,
} from '../../../protocol/work/attempt.ts'
import { compareFences, type Fence } from '../../../protocol/work/fence.ts'
import { unitStates, waitReasons } from '../../../protocol/work/states.ts'
import { type ErrorClass, errorClasses } from '../../../protocol/workflow/model.ts'
import type { PlacementRequest } from '../../placement/policy.ts'
import { attemptOf, type Core, groundOf, isClosing, isStopped, named } from './core.ts'
import { type AttemptPart, cancelled, type Failure, fail, sayFinished, succeed } from './ends.ts'
import { itemOf } from './item-values.ts'
import { schedulerLimits, schedulerTimes } from './limits.ts'
import { namesFor } from './names.ts'
import { type RenderedAs, type RenderedWork, rendered, renderWork } from './rendering.ts'
import { requestOf } from './requests.ts'
import { nextTryMs } from './retrying.ts'
import type { Cancelling, Unit } from './run.ts'

/** An agent could take it up. */
export function enqueue(core: Core, unit: Unit): void {
  core.ready.push(unit)
  watchTimes(core, unit)
}

/** As many as there are hosts and room in a turn for. */
export function place(core: Core): void {
  core.ready.begin()
  while (core.outbox.backlog < schedulerLimits.turnTransitionsMax) {
    const unit = core.ready.first()
    if (unit === undefined) return
    const shared = core.ready.requestOf(unit)
    const made = shared === undefined ? requestOf(core, unit) : { ok: true as const, value: shared }
    if (!made.ok) {
      fail(core, unit, { errorClass: 'input', why: made.why })
      continue
    }
    const choice = core.policy.choose(made.value, core.open(), core.random)
    if (choice.host !== undefined) assign(core, unit, choice.host.id)
    else if (isDeclinedByAll(core, unit, made.value)) {
      const why = `no host does it: ${unit.unsupported}`
      fail(core, unit, { errorClass: 'resource', why })
    } else core.ready.block(unit)
  }
}

/** All that could take it have said that they cannot do it. */
function isDeclinedByAll(core: Core, unit: Unit, request: PlacementRequest): boolean {
  if (unit.unsupported === undefined) return false
  const { declined: _, ...rest } = request
  return core.policy.choose(rest, core.open(), core.random).host !== undefined
}

export function workOf({ run, plan, ...unit }: Unit): RenderedAs<RenderedWork> {
  if (plan.work !== undefined) return { ok: true, value: plan.work }
  const { workflow } = run.compiled
  const made = rendered(() => {
    const item = unit.parent === undefined ? undefined : itemOf(unit.parent, unit.item)
    const names = plan.isConstant ? {} : namesFor(run, plan, item)
    return renderWork(workflow, plan.stage, names)
  })
  if (plan.isConstant && made.ok) plan.work = made.value
  return made
}

function assign(core: Core, unit: Unit, node: string): void {
  core.ready.remove(unit)
  const work = workOf(unit)
  if (!work.ok) {
    fail(core, unit, { errorClass: 'input', why: work.why })
    return
  }
  const { run, plan, readyMs } = unit
  unit.state = unitStates.assigned
  unit.waitsFor = undefined
  unit.attempt++
  unit.node = node
  unit.fence = undefined
  unit.isAccepted = false
  unit.sentMs = core.nowMs
  unit.progress = undefined
  take(core, unit)
  const after = groundOf(core, run, plan.needs, schedulerLimits.afterMax) ?? []
  const { attempt } = unit
  const value = { ...named(unit), attempt, node, readyMs, after }
  if (isClosing(unit)) Object.assign(value, { closing: true })
  const id = attemptOf(unit)
  core.emit(unit, { kind: 'assigned', value }, 128 + 66 * after.length, (fence) => {
    unit.fence = fence
    if (core.lost.has(node)) {
      lose(core, unit)
      return undefined
    }
    return { kind: 'assign', node, assignment: assignmentOf(unit, id, fence, work.value) }
  })
  watchTimes(core, unit)
}

function assignmentOf(
  { run }: Unit,
  id: Assignment['id'],
  fence: Fence,
  { step, env, secrets, directory, with: given, timeouts, resources }: RenderedWork,
): Assignment {
  return {
    id,
    fence,
    step,
    workflow: run.spec.name,
    env: env as Assignment['env'],
    secrets: secrets as Assignment['secrets'],
    timeouts,
    resources,
    ...(directory === undefined ? {} : { directory }),
    ...(given === undefined ? {} : { with: given }),
  }
}

/** The same again, for an agent that does not have it. */
export function assignAgain(core: Core, unit: Unit): void {
  const work = workOf(unit)
  if (!work.ok || unit.fence === undefined) return
  const { node, fence } = unit
  const assignment = assignmentOf(unit, attemptOf(unit), fence, work.value)
  unit.sentMs = core.nowMs
  core.effect({ kind: 'assign', node, assignment })
}

/** It takes room on its host. */
export function take(core: Core, unit: Unit): void {
  const { node, plan } = unit
  core.hosts.setAside(node, plan.stage.resources)
  const units = core.assignedTo.get(node)
  if (units === undefined) core.assignedTo.set(node, new Set([unit]))
  else units.add(unit)
  if (unit.parent !== undefined && plan.stage.where.spread !== undefined) notePlaced(core, unit)
}

function notePlaced(core: Core, { parent, plan, node }: Unit): void {
  const { spread } = plan.stage.where
  const host = core.hosts.get(node)
  const value = spread === 'host' ? node : host?.labels[spread!]
  const { placed } = parent!.items!
  if (value !== undefined) placed.set(value, (placed.get(value) ?? 0) + 1)
}

export function giveBack(core: Core, unit: Unit): void {
  const { node, plan } = unit
  core.hosts.release(node, plan.stage.resources)
  const units = core.assignedTo.get(node)
  units?.delete(unit)
  if (units?.size === 0) core.assignedTo.delete(node)
  core.ready.changed()
}

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

export function accepted(core: Core, unit: Unit): void {
  if (unit.isAccepted) return
  unit.isAccepted = true
  watchTimes(core, unit)
}

/** Nothing of the attempt runs, and nothing will: it is no failure, and counts for none. */
function declined(core: Core, unit: Unit, { code, message }: Refused): void {
  const { node, fence } = unit
  const attempt = partOf(unit, undefined)
  core.effect({ kind: 'committed', node, id: attemptOf(unit), fence: fence! })
  if (code === 'unsupported') {
    unit.declined = new Set(unit.declined).add(node)
    unit.unsupported = message
  } else {
    const pauseMs = code === 'busy' ? schedulerTimes.busyPauseMs : schedulerTimes.unfitPauseMs
    if (code !== 'stale') pause(core, node, core.nowMs + pauseMs)
  }
  giveBack(core, unit)
  if (endsCancelled(core, unit, attempt)) return
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
    const wrong = outputs === undefined ? undefined : wrongWith(outputs)
    if (wrong === undefined) succeed(core, unit, outputs, attempt)
    else fail(core, unit, { errorClass: 'input', why: wrong }, attempt)
    return
  }
  if (outcome.kind === 'cancelled') {
    const { reason } = outcome.value
    if (!endsCancelled(core, unit, attempt)) cancelled(core, unit, reason, attempt)
    return
  }
  failed(core, unit, failureOf(outcome), attempt)
}

/** Its agent is gone, and all that ran there with it. */
export function lose(core: Core, unit: Unit): void {
  const { node } = unit
  const attempt = partOf(unit, undefined)
  giveBack(core, unit)
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
      ? `no sign of progress for its heartbeat timeout, ended after ${afterMs} ms`
      : `longer than its timeout, ended after ${afterMs} ms`
  return { errorClass, why: `it took ${words}`.replace('took no', 'gave no') }
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

function retry(core: Core, unit: Unit): void {
  if (!unit.plan.isWork) core.later({ kind: 'start', unit })
  else if (!core.ready.isIn(unit)) enqueue(core, unit)
}

/** Stop it politely, or at once; it is over when the agent says so. */
export function cancelAttempt(
  core: Core,
  unit: Unit,
  cancelling: Omit<Cancelling, 'saidMs'>,
): void {
  const held = unit.cancelling
  if (held !== undefined && (held.atOnce || !cancelling.atOnce)) return
  unit.cancelling = { ...cancelling, saidMs: core.nowMs }
  sayCancel(core, unit)
  watchTimes(core, unit)
}

function sayCancel(core: Core, unit: Unit): void {
  const { node, attempt, run } = unit
  const id = attemptOf(unit)
  core.outbox.effect(run, () => {
    const { fence, cancelling } = unit
    const isCurrent = unit.attempt === attempt && unit.state === unitStates.assigned
    if (fence === undefined || cancelling === undefined || !isCurrent) return undefined
    const reason = cancelling.why.slice(0, 80)
    return { kind: 'cancel', node, id, fence, reason, atOnce: cancelling.atOnce }
  })
}

/** When it is to be looked at next. */
export function watchTimes(core: Core, unit: Unit): void {
  const { timeouts } = unit.plan.stage
  let atMs = Number.POSITIVE_INFINITY
  const isAssigned = unit.state === unitStates.assigned
  const isDue = unit.state === unitStates.waiting && !core.ready.isIn(unit)
  if (isDue && unit.cancelling === undefined && unit.dueMs !== undefined) {
    if (unit.waitsFor !== undefined && unit.waitsFor !== 'fallback') atMs = unit.dueMs
  }
  if (unit.cancelling !== undefined) {
    if (isAssigned) atMs = unit.cancelling.saidMs + schedulerTimes.cancelRepeatMs
  } else {
    const isQueued = core.ready.isIn(unit) || (isAssigned && !unit.isAccepted)
    if (isQueued && timeouts.queueMs !== undefined) {
      atMs = Math.min(atMs, unit.triedMs + timeouts.queueMs)
    }
    const isTimed =
      isAssigned || isQueued || unit.waitsFor === 'retry' || unit.waitsFor === 'subflow'
    if (isTimed && timeouts.totalMs !== undefined) {
      atMs = Math.min(atMs, unit.readyMs + timeouts.totalMs)
    }
  }
  core.setAlarm(unit, atMs === Number.POSITIVE_INFINITY ? undefined : atMs)
}

/** Of a unit that is ready or assigned, or waits for its next try. */
export function ringAttempt(core: Core, unit: Unit): void {
  const { timeouts } = unit.plan.stage
  const { nowMs } = core
  const isAssigned = unit.state === unitStates.assigned
  if (isAssigned && unit.cancelling !== undefined) {
    unit.cancelling = { ...unit.cancelling, saidMs: nowMs }
    sayCancel(core, unit)
    watchTimes(core, unit)
    return
  }
  const isQueued = core.ready.isIn(unit) || (isAssigned && !unit.isAccepted)
  const late =
    timeouts.totalMs !== undefined && nowMs >= unit.readyMs + timeouts.totalMs
      ? `it took longer than ${timeouts.totalMs} ms with all attempts and waits`
      : isQueued && timeouts.queueMs !== undefined && nowMs >= unit.triedMs + timeouts.queueMs
        ? `no agent had taken it up after ${timeouts.queueMs} ms`
        : undefined
  if (late !== undefined) {
    if (isAssigned) cancelAttempt(core, unit, { to: 'failed', why: late, atOnce: false })
    else fail(core, unit, { errorClass: 'transient', why: late })
    return
  }
  if (unit.waitsFor === 'retry' && unit.dueMs !== undefined && nowMs >= unit.dueMs) {
    retry(core, unit)
    return
  }
  watchTimes(core, unit)
}

/** What the ledger keeps of it. A log that makes it too large is left with the agent. */
function recordOf({ outcome, ...rest }: Finished): Uint8Array {
  const bare: Outcome = outcome.kind === 'succeeded' ? { kind: 'succeeded', value: {} } : outcome
  const record = encode(Finished, { ...rest, outcome: bare })
  if (record.length <= stateLimits.attemptRecordBytesMax) return record
  const { logTail: _, ...short } = rest
  return encode(Finished, { ...short, outcome: bare })
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
