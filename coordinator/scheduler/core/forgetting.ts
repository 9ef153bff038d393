/** A run out of everything that it is in, for it is over or comes back as the ledger has it. */
import { applyRunReview } from './admitting.ts'
import { atWork } from './beside.ts'
import type { Core } from './core.ts'
import { applyReview } from './ends.ts'
import { giveBackAt } from './room.ts'
import type { Run, Unit } from './run.ts'

/** Groups that are to be looked at when the run is back, or gone: others may wait for its places. */
export interface Left {
  readonly runs: string | undefined
  readonly units: readonly string[]
}

export function forget(core: Core, run: Run): Left {
  core.setAlarm(run, undefined)
  const units: string[] = []
  for (const unit of run.units.values()) {
    for (const item of unit.items?.live.values() ?? []) forgetUnit(core, item, units)
    forgetUnit(core, unit, units)
  }
  return { runs: core.runGroups.drop(run), units }
}

export function lookAt(core: Core, { runs, units }: Left): void {
  if (runs !== undefined) applyRunReview(core, core.runGroups.look(runs))
  for (const name of units) applyReview(core, core.unitGroups.look(name))
}

function forgetUnit(core: Core, unit: Unit, groups: string[]): void {
  core.setAlarm(unit, undefined)
  core.ready.remove(unit)
  for (const { node } of atWork(unit)) giveBackAt(core, unit, node)
  if (unit.waitsFor === 'signal') core.signals.leave(unit)
  if (unit.waitsFor === 'subflow' && core.parents.get(unit.detail!) === unit) {
    core.parents.delete(unit.detail!)
  }
  unit.isLooking = false
  const group = core.unitGroups.drop(unit)
  if (group !== undefined) groups.push(group)
}
