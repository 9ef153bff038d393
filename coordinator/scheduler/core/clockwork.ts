/** What happens by the clock alone. */
import { unitStates } from '../../../protocol/work/states.ts'
import { ringAttempt } from './attempt-times.ts'
import type { Core } from './core.ts'
import { inquire } from './inventory.ts'
import { schedulerTimes } from './limits.ts'
import { stop } from './phases.ts'
import { Run, type Unit } from './run.ts'
import { ringWaiting } from './steps.ts'
import { ringSubflow } from './subflows.ts'

export function ring(core: Core): void {
  const { nowMs } = core
  for (let alarm = core.alarms.peek(); alarm && alarm.atMs <= nowMs; alarm = core.alarms.peek()) {
    const { of } = alarm
    core.setAlarm(of, undefined)
    if (of instanceof Run) {
      if (!of.isFrozen) stop(core, of, 'cancel', 'its time is over')
    } else if (!of.run.isFrozen) ringUnit(core, of)
  }
  for (const [node, untilMs] of core.paused) {
    if (untilMs > nowMs) continue
    core.paused.delete(node)
    core.hostsChanged()
  }
  for (const [run, atMs] of core.reloads) {
    if (atMs > nowMs) continue
    core.reloads.delete(run)
    core.effect({ kind: 'reload', run })
  }
  if (nowMs < core.inquireAtMs) return
  core.inquireAtMs = nowMs + schedulerTimes.inquireAfterMs
  inquire(core)
}

function ringUnit(core: Core, unit: Unit): void {
  const { state, waitsFor } = unit
  const isAttempt = state === unitStates.assigned || state === 0 || waitsFor === 'retry'
  if (isAttempt || core.ready.isIn(unit)) ringAttempt(core, unit)
  else if (waitsFor === 'subflow') ringSubflow(core, unit)
  else ringWaiting(core, unit)
}

export function nextDueMs(core: Core): number | undefined {
  let dueMs = core.alarms.peek()?.atMs ?? Number.POSITIVE_INFINITY
  for (const untilMs of core.paused.values()) dueMs = Math.min(dueMs, untilMs)
  for (const atMs of core.reloads.values()) dueMs = Math.min(dueMs, atMs)
  const isAsking = core.assignedTo.size > 0 || core.awaited.size > 0 || core.leaving.size > 0
  if (isAsking) dueMs = Math.min(dueMs, core.inquireAtMs)
  return dueMs === Number.POSITIVE_INFINITY ? undefined : dueMs
}
