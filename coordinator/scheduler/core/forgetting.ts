/** A run out of everything that it is in, for it is over or comes back as the ledger has it. */
import { unitStates } from '../../../protocol/work/states.ts'
import type { Core } from './core.ts'
import { giveBack } from './room.ts'
import type { Run, Unit } from './run.ts'

/** Out of everything that it is in. Returns the groups to look at when it is back. */
export function forget(core: Core, run: Run): string[] {
  core.setAlarm(run, undefined)
  for (const unit of run.units.values()) {
    for (const item of unit.items?.live.values() ?? []) forgetUnit(core, item)
    forgetUnit(core, unit)
  }
  const group = core.runGroups.drop(run)
  return group === undefined ? [] : [group]
}

function forgetUnit(core: Core, unit: Unit): void {
  core.setAlarm(unit, undefined)
  core.ready.remove(unit)
  if (unit.state === unitStates.assigned) giveBack(core, unit)
  if (unit.waitsFor === 'signal') core.signals.leave(unit)
  if (unit.waitsFor === 'subflow' && core.parents.get(unit.detail!) === unit) {
    core.parents.delete(unit.detail!)
  }
  unit.isLooking = false
  core.unitGroups.drop(unit)
}
