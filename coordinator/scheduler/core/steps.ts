/** What steps do: those for agents are queued, those that no agent is needed for are done here. */
import { stateLimits } from '../../../protocol/ledger/limits.ts'
import { unitStates, type WaitReason, waitReasons } from '../../../protocol/work/states.ts'
import type { Expr } from '../../../protocol/workflow/expressions/ast.ts'
import { evaluate } from '../../../protocol/workflow/expressions/evaluator.ts'
import {
  Duration,
  type Fields,
  Timestamp,
  type Value,
} from '../../../protocol/workflow/expressions/values.ts'
import type { Step } from '../../../protocol/workflow/model.ts'
import { unknownStepWords } from '../../placement/unknown-steps.ts'
import { enqueue, watchTimes } from './attempt-times.ts'
import { type Core, groundOf, isClosing, isStopped, named } from './core.ts'
import { cancelled, fail, succeed } from './ends.ts'
import { itemOf } from './item-values.ts'
import { schedulerLimits } from './limits.ts'
import { namesFor } from './names.ts'
import { need, placeOf, type RenderedAs, refuse, rendered, text } from './rendering.ts'
import type { Run, Unit } from './run.ts'
import type { Signal } from './signal-board.ts'
import { launch } from './subflows.ts'

export function evaluated(expr: Expr, names: Fields, place: string): RenderedAs<Value> {
  return rendered(() => need(place, evaluate(expr, names)))
}

interface WaitDetail {
  readonly count?: number
  readonly message?: string
  readonly detail?: string
  readonly key?: string
}

export function wait(
  core: Core,
  unit: Unit,
  reason: WaitReason,
  dueMs: number | undefined,
  detail: WaitDetail,
): void {
  const { run, plan, readyMs } = unit
  const after = groundOf(core, run, plan.needs, schedulerLimits.afterMax) ?? []
  const value = { ...named(unit), waitsFor: waitReasons[reason], readyMs, after, ...detail }
  if (dueMs !== undefined) Object.assign(value, { dueMs })
  if (isClosing(unit)) Object.assign(value, { closing: true })
  core.emit(unit, { kind: 'waiting', value }, 4_096 + 66 * after.length)
  unit.state = unitStates.waiting
  unit.waitsFor = reason
  unit.dueMs = dueMs
  watchTimes(core, unit)
}

/** The step itself. */
export function start(core: Core, unit: Unit): void {
  const { step } = unit.plan.stage
  if (unit.state >= unitStates.open || core.ready.isIn(unit)) return
  if (isStopped(unit)) {
    cancelled(core, unit, unit.run.stopReason)
    return
  }
  switch (step.kind) {
    case 'run':
    case 'http':
    case 'function':
    case 'container':
      enqueue(core, unit)
      return
    case 'wait':
      pause(core, unit, step)
      return
    case 'choose':
      choose(core, unit, step)
      return
    case 'workflow':
      launch(core, unit)
      return
    case 'await':
      listen(core, unit, step)
      return
    case 'signal':
      succeed(core, unit, undefined)
      return
    case 'approve': {
      const approvedBy = [...(unit.approval?.by ?? [])]
      succeed(core, unit, JSON.stringify({ approvedBy }))
      return
    }
    default: {
      const why = `${placeOf(unit.plan.stage, step.kind)}: ${unknownStepWords(step.kind)}`
      fail(core, unit, { errorClass: 'input', why })
    }
  }
}

function namesOf({ run, plan, parent, item }: Unit): Fields {
  return namesFor(run, plan, parent === undefined ? undefined : itemOf(parent, item))
}

function pause(core: Core, unit: Unit, step: Extract<Step, { kind: 'wait' }>): void {
  const due = rendered(() => dueOf(core, unit, step))
  if (!due.ok) fail(core, unit, { errorClass: 'input', why: due.why })
  else if (due.value <= core.nowMs) succeed(core, unit, undefined)
  else wait(core, unit, 'time', due.value, {})
}

function dueOf(core: Core, unit: Unit, step: Extract<Step, { kind: 'wait' }>): number {
  const place = placeOf(unit.plan.stage, 'wait')
  if ('until' in step) {
    const value = need(place, evaluate(step.until, namesOf(unit)))
    return value instanceof Timestamp ? Math.ceil(value.ms) : refuse(place, 'this is no time')
  }
  if (typeof step.for === 'number') return core.nowMs + step.for
  const value = need(place, evaluate(step.for, namesOf(unit)))
  if (!(value instanceof Duration)) return refuse(place, 'this is no duration')
  return Math.ceil(core.nowMs + Math.max(0, value.ms))
}

function choose(core: Core, unit: Unit, step: Extract<Step, { kind: 'choose' }>): void {
  const { run, plan } = unit
  const names = namesFor(run, plan)
  for (const [i, { when }] of step.cases.entries()) {
    const holds = evaluated(when, names, placeOf(plan.stage, 'choose', 'cases', i, 'when'))
    if (!holds.ok) {
      fail(core, unit, { errorClass: 'input', why: holds.why })
      return
    }
    if (holds.value !== true) continue
    taken(run, step, i)
    succeed(core, unit, `{"case":${i}}`)
    return
  }
  taken(run, step, -1)
  succeed(core, unit, '{"case":-1}')
}

/** -1 for none of the cases. */
export function taken(run: Run, step: Extract<Step, { kind: 'choose' }>, index: number): void {
  const names = index < 0 ? (step.otherwise ?? []) : (step.cases[index]?.then ?? [])
  for (const name of names) run.chosen.add(run.compiled.indexOf.get(name)!)
}

function listen(core: Core, unit: Unit, step: Extract<Step, { kind: 'await' }>): void {
  const { stage } = unit.plan
  const said = rendered(() => {
    const names = namesOf(unit)
    const event = text(
      placeOf(stage, 'await', 'event'),
      step.event,
      names,
      stateLimits.noteBytesMax,
    )
    const place = placeOf(stage, 'await', 'key')
    return { event, key: step.key && text(place, step.key, names, stateLimits.noteBytesMax) }
  })
  if (!said.ok) {
    fail(core, unit, { errorClass: 'input', why: said.why })
    return
  }
  const { event, key } = said.value
  const known = core.signals.since(event, key, unit.run.startedMs)
  if (known !== undefined) {
    succeed(core, unit, outputsOf(known))
    return
  }
  unit.detail = event
  unit.key = key
  const dueMs = step.timeoutMs === undefined ? undefined : core.nowMs + step.timeoutMs
  wait(core, unit, 'signal', dueMs, { detail: event, ...(key === undefined ? {} : { key }) })
  core.signals.wait(unit)
}

export function outputsOf({ data, by }: Signal): string {
  const told = JSON.stringify(by)
  return data === undefined ? `{"by":${told}}` : `{"by":${told},"data":${data}}`
}

/** What it has waited for has come. */
export function succeedWith(core: Core, unit: Unit, signal: Signal): void {
  succeed(core, unit, outputsOf(signal))
}

/** A unit that waits has waited long enough. */
export function ringWaiting(core: Core, unit: Unit): void {
  if (unit.dueMs === undefined || core.nowMs < unit.dueMs) {
    watchTimes(core, unit)
    return
  }
  switch (unit.waitsFor) {
    case 'time':
      succeed(core, unit, undefined)
      return
    case 'approval':
      fail(core, unit, { errorClass: 'input', why: 'not approved in time, which denies it' })
      return
    case 'signal': {
      const why = `the event ${unit.detail} did not come in time`
      fail(core, unit, { errorClass: 'transient', why })
      return
    }
    default:
      watchTimes(core, unit)
  }
}
