/**
 * Attempts that take far longer than such work does: found by the clock, and told once. Where the
 * stage allows it, one is raced (`racing.ts`); all else is left to its timeout, or to people.
 */
import { lateRule } from '../../../models/profiles/late.ts'
import { unitStates } from '../../../protocol/work/states.ts'
import { mayBeRaced } from './beside.ts'
import { attemptOf, type Core } from './core.ts'
import { schedulerTimes } from './limits.ts'
import type { Unit } from './run.ts'

/** When it is to be looked at; undefined of one that is late already, or does not run. */
export function lateLookMs(core: Core, unit: Unit): number | undefined {
  const { acceptedMs, late, cancelling, plan, run, node } = unit
  const runs = unit.state === unitStates.assigned && acceptedMs !== undefined
  if (!runs || cancelling !== undefined || unit.beside !== undefined) return undefined
  if (late !== undefined) {
    return mayBeRaced(core, unit) ? core.nowMs + schedulerTimes.raceLookMs : undefined
  }
  if (plan.fingerprint === undefined) return undefined
  const times = core.times.of(run.spec.name, plan.fingerprint)
  if (times !== undefined) return acceptedMs + lateRule(times, node).afterMs
  // It may be known later: work of which nothing is known is looked at more and more rarely.
  return core.nowMs + Math.max(schedulerTimes.lateLookMs, core.nowMs - acceptedMs)
}

/** Of an attempt that a leader before this one has assigned: that one told of it, as long as it led. */
function isTold(core: Core, { fence }: Unit, lateForMs: number): boolean {
  return (fence?.term ?? core.term) < core.term && lateForMs > schedulerTimes.lateToldMs
}

/** Of one that is to be looked at now. */
export function lookForLate(core: Core, unit: Unit): void {
  const { acceptedMs, late, cancelling, plan, run, node } = unit
  if (late !== undefined && mayBeRaced(core, unit)) core.late.add(unit)
  if (acceptedMs === undefined || late !== undefined || cancelling !== undefined) return
  if (unit.beside !== undefined) return
  if (plan.fingerprint === undefined) return
  const times = core.times.of(run.spec.name, plan.fingerprint)
  if (times === undefined) return
  const { afterMs, usualMs, farMs, n } = lateRule(times, node)
  // As it was reckoned for its alarm: otherwise, by a rounding, that would ring for ever.
  if (core.nowMs < acceptedMs + afterMs) return
  const ranMs = core.nowMs - acceptedMs
  unit.late = { usualMs: Math.round(usualMs), farMs: Math.round(farMs), n }
  if (!isTold(core, unit, core.nowMs - acceptedMs - afterMs)) {
    core.effect({ kind: 'late', node, id: attemptOf(unit), ranMs, late: unit.late })
  }
  if (mayBeRaced(core, unit)) core.late.add(unit)
}
