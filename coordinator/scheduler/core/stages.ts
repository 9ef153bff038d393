/**
 * The beginning of units: whether a stage runs when all that it needs is over, who is asked first,
 * and who goes before it.
 */
import { stateLimits } from '../../../protocol/ledger/limits.ts'
import { unitStates } from '../../../protocol/work/states.ts'
import { watchTimes } from './attempt-times.ts'
import { type Core, groundOf, isStopped } from './core.ts'
import { applyReview, cancelled, fail, skipped, unitFor } from './ends.ts'
import type { Terms } from './groups.ts'
import { itemOf } from './item-values.ts'
import { open } from './items.ts'
import { schedulerLimits } from './limits.ts'
import { namesFor } from './names.ts'
import type { Passing } from './passing.ts'
import { placeOf, type RenderedAs, rendered, text } from './rendering.ts'
import { type Run, type Unit, unitPhases } from './run.ts'
import { evaluated, start, wait } from './steps.ts'

/** What becomes of a stage for what it needs alone. */
type Verdict =
  | { readonly to: 'begin' | 'skipped' }
  | { readonly to: 'cancelled'; readonly why: string }

const begins: Verdict = { to: 'begin' }
const skips: Verdict = { to: 'skipped' }

export function decide(core: Core, passing: Passing, run: Run, stage: number): void {
  if (run.over[stage] !== 0 || run.units.has(stage) || run.left[stage] !== 0) return
  const plan = run.compiled.plans[stage]!
  const { section } = plan.stage
  if (section !== run.phase) return
  if (run.stop > 1 || (run.stop === 1 && section !== 'finally')) {
    passing.add(core, run, stage, unitStates.cancelled, run.stopReason)
    return
  }
  const verdict = verdictOn(run, stage)
  if (verdict.to === 'cancelled') {
    passing.add(core, run, stage, unitStates.cancelled, verdict.why)
  } else if (verdict.to === 'skipped') {
    passing.add(core, run, stage, unitStates.skipped, undefined)
  } else {
    passing.flush(core)
    const ground = groundOf(core, run, plan.needs, schedulerLimits.afterMax)
    if (ground === undefined) run.deferred.add(stage)
    else begin(core, unitFor(core, run, stage))
  }
}

function verdictOn(run: Run, stage: number): Verdict {
  const { plans } = run.compiled
  const { needs, choosers } = plans[stage]!
  let isAnyTaken = needs.length === 0
  for (const need of needs) {
    const over = run.over[need]!
    if (over !== unitStates.skipped) isAnyTaken = true
    if (over !== unitStates.failed && over !== unitStates.cancelled) continue
    const { name, optional } = plans[need]!.stage
    if (optional) continue
    const why = over === unitStates.failed ? `${name} failed` : 'what it needs was cancelled'
    return { to: 'cancelled', why }
  }
  if (choosers.length > 0 && !run.chosen.has(stage)) return skips
  return isAnyTaken ? begins : skips
}

/** It is its turn, or it was called. */
export function begin(core: Core, unit: Unit): void {
  if (unit.hasBegun || unit.state !== unitPhases.pending) return
  unit.hasBegun = true
  unit.readyMs = core.nowMs
  unit.triedMs = core.nowMs
  if (isStopped(unit)) {
    cancelled(core, unit, unit.run.stopReason)
    return
  }
  if (unit.item >= 0) {
    enter(core, unit)
    return
  }
  const { run, plan } = unit
  const { stage } = plan
  if (stage.if !== undefined) {
    const holds = evaluated(stage.if, namesFor(run, plan), placeOf(stage, 'if'))
    if (!holds.ok) {
      fail(core, unit, { errorClass: 'input', why: holds.why })
      return
    }
    if (holds.value !== true) {
      skipped(core, unit)
      return
    }
  }
  if (stage.approve === undefined) proceed(core, unit)
  else ask(core, unit)
}

function ask(core: Core, unit: Unit): void {
  const { run, plan } = unit
  const { approve } = plan.stage
  const { count, timeoutMs, message } = approve!
  const said = rendered(
    () =>
      message &&
      text(
        placeOf(plan.stage, 'approve', 'message'),
        message,
        namesFor(run, plan),
        stateLimits.noteBytesMax,
      ),
  )
  if (!said.ok) {
    fail(core, unit, { errorClass: 'input', why: said.why })
    return
  }
  unit.approval = { count, by: new Set() }
  wait(core, unit, 'approval', core.nowMs + timeoutMs, {
    count,
    ...(said.value === undefined ? {} : { message: said.value }),
  })
}

/** Somebody has said yes or no. */
export function vote(core: Core, unit: Unit, by: string, approves: boolean): void {
  const { approval } = unit
  if (approval === undefined || unit.waitsFor !== 'approval') return
  if (!approves) {
    fail(core, unit, { errorClass: 'input', why: `${by} has denied it` })
    return
  }
  approval.by.add(by)
  if (approval.by.size >= approval.count) approved(core, unit)
}

export function approved(core: Core, unit: Unit): void {
  unit.waitsFor = undefined
  unit.dueMs = undefined
  unit.readyMs = core.nowMs
  unit.triedMs = core.nowMs
  core.setAlarm(unit, undefined)
  if (isStopped(unit)) cancelled(core, unit, unit.run.stopReason)
  else proceed(core, unit)
}

function proceed(core: Core, unit: Unit): void {
  if (unit.plan.stage.forEach === undefined) enter(core, unit)
  else open(core, unit)
}

/** Into its concurrency group, where it has one. */
function enter(core: Core, unit: Unit): void {
  const terms = termsOf(unit)
  if (!terms.ok) {
    fail(core, unit, { errorClass: 'input', why: terms.why })
    return
  }
  if (terms.value === undefined) {
    start(core, unit)
    return
  }
  unit.groupKey = terms.value.key
  applyReview(core, core.unitGroups.ask(unit, terms.value))
  if (!unit.isHolding) watchTimes(core, unit)
}

export function termsOf(unit: Unit): RenderedAs<Terms | undefined> {
  const { run, plan, parent, item } = unit
  const { concurrency } = plan.stage
  if (concurrency === undefined) return { ok: true, value: undefined }
  return rendered(() => {
    const names = namesFor(run, plan, parent === undefined ? undefined : itemOf(parent, item))
    const place = placeOf(plan.stage, 'concurrency', 'key')
    const key = text(place, concurrency.key, names, stateLimits.noteBytesMax)
    const { limit, policy } = concurrency
    const turns = `turns ${run.spec.name}/${plan.stage.name}`
    return { name: policy === 'roundRobin' ? turns : `key ${key}`, key, limit, policy }
  })
}
