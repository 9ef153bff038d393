/**
 * Races: a late attempt gets a second one beside it, on another host, where its stage allows that and
 * nothing waits that could have the room. The first end of the unit counts, and the other attempt is
 * stopped; one that comes to nothing leaves the unit to the other.
 *
 * Invariant: a unit is raced once, whoever leads, for the ledger says so.
 */
import { watchTimes } from './attempt-times.ts'
import { lose } from './attempts.ts'
import { atWorkAs, mayBeRaced, newAttempt, turnTo } from './beside.ts'
import { attemptOf, type Core, named } from './core.ts'
import { schedulerLimits } from './limits.ts'
import { assignmentOf, givenTo, isPossible } from './placing.ts'
import { requestOf, withTimes } from './requests.ts'
import { setAsideAt } from './room.ts'
import type { Unit } from './run.ts'

/** What was late before the ledger knew races may be raced from then on. */
export function knowRaces(core: Core, knows: boolean): void {
  const isNew = knows && !core.knowsRaces
  core.knowsRaces = knows
  if (!isNew) return
  for (const units of core.assignedTo.values()) {
    for (const unit of units) if (unit.late !== undefined) core.late.add(unit)
  }
}

/** When everything that was ready has been placed, as far as there is room. */
export function race(core: Core): void {
  for (const unit of core.late) {
    core.late.delete(unit)
    if (core.runs.get(unit.run.id) !== unit.run || !mayBeRaced(core, unit)) continue
    if (mayEnter(core)) enter(core, unit)
    watchTimes(core, unit)
  }
}

/** There is room for one more race, and nobody waits for the room that it would take. */
function mayEnter(core: Core): boolean {
  const { racesMin, raceShare } = schedulerLimits
  for (const unit of core.racing) {
    if (unit.beside === undefined || core.runs.get(unit.run.id) !== unit.run) {
      core.racing.delete(unit)
    }
  }
  let atWork = 0
  for (const units of core.assignedTo.values()) atWork += units.size
  return core.racing.size < Math.max(racesMin, atWork * raceShare) && !isRoomWanted(core)
}

/** What fits no host, whatever its room, waits for something else. */
function isRoomWanted(core: Core): boolean {
  let left = schedulerLimits.particularTriesMax
  for (const unit of core.ready.waiting()) {
    if (left-- === 0) return true
    const shared = core.ready.requestOf(unit)
    const made = shared === undefined ? requestOf(core, unit) : { ok: true as const, value: shared }
    if (made.ok && isPossible(core, made.value)) return true
  }
  return false
}

function enter(core: Core, unit: Unit): void {
  const request = requestOf(core, unit)
  if (!request.ok) return
  const declined = new Set(unit.declined).add(unit.node)
  const wished = withTimes(core, unit, { ...request.value, declined })
  const { host } = core.policy.choose(wished, core.open(), core.random)
  const given = host && givenTo(core, unit)
  if (host === undefined || given?.ok !== true) return
  const { id: node } = host
  const { node: from, late } = unit
  const attempt = unit.attempt + 1
  const id = { ...attemptOf(unit), attempt }
  unit.raced = attempt
  unit.beside = newAttempt(attempt, node, undefined, core.nowMs)
  core.racing.add(unit)
  setAsideAt(core, unit, node)
  core.emit(unit, { kind: 'raced', value: { ...named(unit), attempt, node } }, 128, (fence) => {
    const own = atWorkAs(unit, attempt)
    if (own === undefined) return undefined
    own.fence = fence
    core.effect({ kind: 'raced', node, from, id, usualMs: late!.usualMs })
    if (core.lost.has(node)) {
      turnTo(unit, node)
      lose(core, unit)
      return undefined
    }
    return { kind: 'assign', node, assignment: assignmentOf(unit, id, fence, given.value) }
  })
}
