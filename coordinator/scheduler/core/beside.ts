/**
 * Two attempts of one unit at work at once, on two hosts. The unit shows one of them, as if it were the
 * only one, and keeps the other beside it; which of them began first is of no interest here. Before
 * anything happens to one, the unit is turned to it: all else knows units with one attempt.
 */
import type { Fence } from '../../../protocol/work/fence.ts'
import { unitStates } from '../../../protocol/work/states.ts'
import type { Core } from './core.ts'
import type { Beside, Unit } from './run.ts'

/** From now on it shows the attempt on that host, where it has one there. */
export function turnTo(unit: Unit, node: string): void {
  const { beside } = unit
  if (beside?.node !== node) return
  const { attempt, node: at, fence, isAccepted, acceptedMs, late, progress, heardMs } = unit
  Object.assign(unit, beside)
  unit.beside = { attempt, node: at, fence, isAccepted, acceptedMs, late, progress, heardMs }
}

/** It has no other attempt any more: that one, if there was one. */
export function leaveOther(unit: Unit): Beside | undefined {
  const { beside } = unit
  unit.beside = undefined
  return beside
}

/** One or two; none where no agent has it. */
export function atWork(unit: Unit): Beside[] {
  if (unit.state !== unitStates.assigned) return []
  return unit.beside === undefined ? [unit] : [unit, unit.beside]
}

/** The attempt of that number, as long as it is at work. */
export function atWorkAs(unit: Unit, attempt: number): Beside | undefined {
  return atWork(unit).find((each) => each.attempt === attempt)
}

/** How many attempts it has had. */
export function triesOf({
  attempt,
  raced = 0,
}: {
  readonly attempt: number
  readonly raced?: number | undefined
}): number {
  return Math.max(attempt, raced)
}

/** Of which nothing has been heard. */
export function newAttempt(
  attempt: number,
  node: string,
  fence: Fence | undefined,
  heardMs: number,
): Beside {
  return {
    attempt,
    node,
    fence,
    heardMs,
    isAccepted: false,
    acceptedMs: undefined,
    late: undefined,
    progress: undefined,
  }
}

/** It is late, and a second attempt is allowed and has not been made. */
export function mayBeRaced(core: Core, unit: Unit): boolean {
  const { run, plan, late, raced, fence, cancelling, parent } = unit
  return (
    plan.stage.race &&
    core.knowsRaces &&
    late !== undefined &&
    raced === undefined &&
    unit.state === unitStates.assigned &&
    fence !== undefined &&
    cancelling === undefined &&
    !run.isFrozen &&
    run.stop === 0 &&
    parent?.items?.isStopped !== true
  )
}
