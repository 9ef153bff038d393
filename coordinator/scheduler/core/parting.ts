/** The end of a race: one of two attempts of a unit is over, and what becomes of the other. */
import { watchTimes } from './attempt-times.ts'
import { leaveOther } from './beside.ts'
import { attemptOf, type Core, named } from './core.ts'
import type { AttemptPart } from './ends.ts'
import { leave } from './leaving.ts'
import { giveBackAt } from './room.ts'
import type { Beside, Unit } from './run.ts'

/** It came to nothing, and another one is at work: that one goes on alone, and nothing has failed. */
export function fallsOut(core: Core, unit: Unit, attempt: AttemptPart): boolean {
  const { node } = unit
  const id = attemptOf(unit)
  const other = leaveOther(unit)
  if (other === undefined) return false
  const { term, index, record } = attempt
  const value = { ...named(unit), ...attempt }
  core.emit(
    unit,
    { kind: 'fellOut', value },
    record?.length ?? 0,
    record && (() => ({ kind: 'committed', node, id, fence: { term, index } })),
  )
  Object.assign(unit, other)
  unit.triedMs = core.nowMs
  watchTimes(core, unit)
  return true
}

/** The unit has ended without it. */
export function outrun(core: Core, unit: Unit, loser: Beside): void {
  const { node, fence } = loser
  // One whose assignment is on its way is not sent any more.
  if (fence === undefined) giveBackAt(core, unit, node)
  else leave(core, unit, loser, fence)
}
