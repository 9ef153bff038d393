/** Stopping a unit, whatever it is doing. */
import { readStopText } from '../../../protocol/estop/text.ts'
import { unitStates } from '../../../protocol/work/states.ts'
import { cancelAttempt } from './attempt-times.ts'
import type { Core } from './core.ts'
import { callOf, cancelled } from './ends.ts'
import { goOn, stopItems } from './items.ts'
import type { Unit } from './run.ts'
import { stopChild } from './subflows.ts'

export function cancel(core: Core, unit: Unit, why: string, atOnce: boolean): void {
  switch (unit.state) {
    case unitStates.assigned:
      if (mayRunOut(unit)) return
      cancelAttempt(core, unit, { to: 'cancelled', why, atOnce })
      return
    case unitStates.open:
      unit.cancelling ??= { to: 'cancelled', why, atOnce, saidMs: core.nowMs }
      stopItems(core, unit, why, atOnce)
      if (unit.waitsFor === 'fallback') cancelHelp(core, unit, why, atOnce)
      else goOn(core, unit)
      return
    case unitStates.waiting:
      if (unit.waitsFor === 'subflow' || unit.waitsFor === 'fallback') {
        unit.cancelling = { to: 'cancelled', why, atOnce, saidMs: core.nowMs }
        if (unit.waitsFor === 'subflow') stopChild(core, unit, why, atOnce)
        else cancelHelp(core, unit, why, atOnce)
        return
      }
      cancelled(core, unit, why)
      return
    case 0:
      cancelled(core, unit, why)
  }
}

/** A stop that drains ends nothing that an agent has begun; the agent gives back the rest. */
function mayRunOut({ run }: Unit): boolean {
  return readStopText(run.stopReason)?.mode === 'drain'
}

function cancelHelp(core: Core, unit: Unit, why: string, atOnce: boolean): void {
  const { run, plan } = unit
  const help = callOf(core, run, plan.fallback!, undefined)
  core.later({ kind: 'cancel', unit: help, why, atOnce })
}
