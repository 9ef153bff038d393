/**
 * When an attempt is to be looked at: its next try, the times that the leader keeps (in the queue, and
 * in all), and a cancellation that does not come about. What an attempt itself may take, its agent
 * keeps.
 */
import { unitStates } from '../../../protocol/work/states.ts'
import { seconds } from '../../placement/words.ts'
import { atWork, atWorkAs } from './beside.ts'
import { attemptOf, type Core } from './core.ts'
import { fail } from './ends.ts'
import { schedulerTimes } from './limits.ts'
import type { Cancelling, Unit } from './run.ts'
import { lateLookMs, lookForLate } from './stragglers.ts'

/** An agent could take it up. */
export function enqueue(core: Core, unit: Unit): void {
  core.ready.push(unit)
  watchTimes(core, unit)
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
  for (const { node, attempt } of atWork(unit)) {
    const id = { ...attemptOf(unit), attempt }
    core.outbox.effect(unit.run, () => {
      const { cancelling } = unit
      const fence = atWorkAs(unit, attempt)?.fence
      if (fence === undefined || cancelling === undefined) return undefined
      const reason = cancelling.why.slice(0, 80)
      return { kind: 'cancel', node, id, fence, reason, atOnce: cancelling.atOnce }
    })
  }
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
    const isQueued = isUntaken(core, unit)
    if (isQueued && timeouts.queueMs !== undefined) {
      atMs = Math.min(atMs, unit.triedMs + timeouts.queueMs)
    }
    const isTimed =
      isAssigned || isQueued || unit.waitsFor === 'retry' || unit.waitsFor === 'subflow'
    if (isTimed && timeouts.totalMs !== undefined) {
      atMs = Math.min(atMs, unit.readyMs + timeouts.totalMs)
    }
  }
  atMs = Math.min(atMs, lateLookMs(core, unit) ?? atMs)
  core.setAlarm(unit, atMs === Number.POSITIVE_INFINITY ? undefined : atMs)
}

/** It could begin, and no agent has it. */
function isUntaken(core: Core, unit: Unit): boolean {
  if (unit.state === unitStates.assigned) return !unit.isAccepted && unit.beside === undefined
  const waitsForOthers = unit.groupKey !== undefined && !unit.isHolding
  return core.ready.isIn(unit) || (waitsForOthers && core.unitGroups.isIn(unit))
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
  const isQueued = isUntaken(core, unit)
  const late =
    timeouts.totalMs !== undefined && nowMs >= unit.readyMs + timeouts.totalMs
      ? `it took longer than ${seconds(timeouts.totalMs)} with all attempts and waits`
      : isQueued && timeouts.queueMs !== undefined && nowMs >= unit.triedMs + timeouts.queueMs
        ? `no agent had taken it up after ${seconds(timeouts.queueMs)}`
        : undefined
  if (late !== undefined) {
    if (isAssigned) cancelAttempt(core, unit, { to: 'failed', why: late, atOnce: false })
    else fail(core, unit, { errorClass: 'transient', why: late })
    return
  }
  if (isAssigned) lookForLate(core, unit)
  if (unit.waitsFor === 'retry' && unit.dueMs !== undefined && nowMs >= unit.dueMs) {
    retry(core, unit)
    return
  }
  watchTimes(core, unit)
}
