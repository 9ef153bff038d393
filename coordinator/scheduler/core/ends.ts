/**
 * Ends of units: said once, with all that follows for who waits on them. What follows is left as
 * tasks; nothing here begins anything.
 */

import type {
  UnitFinished,
  UnitSettled,
} from '../../../protocol/ledger/commands/work-transitions.ts'
import type { ArtifactsEntry } from '../../../protocol/ledger/work-view.ts'
import { unitStates, waitReasons } from '../../../protocol/work/states.ts'
import type { Value } from '../../../protocol/workflow/expressions/values.ts'
import type { ErrorClass } from '../../../protocol/workflow/model.ts'
import { triesOf } from './beside.ts'
import { type Core, groundOf, isStopped, named } from './core.ts'
import { entriesOf, noteHandedOn } from './handed-on.ts'
import { artifactsEntryBytes, schedulerLimits } from './limits.ts'
import { cut } from './rendering.ts'
import type { Fact, Run, Unit } from './run.ts'
import { signalOf } from './sent-signal.ts'

export interface Failure {
  readonly errorClass: ErrorClass
  readonly why: string
  readonly exitCode?: number | undefined
}

/** What an attempt adds to the end that it brought about. */
export type AttemptPart = Pick<UnitFinished, 'attempt' | 'term' | 'index' | 'record'>

const signalBytes = 4 * 1_024

/** With its outputs as JSON. When its signal has no value, it fails after all. */
export function succeed(
  core: Core,
  unit: Unit,
  outputs: string | undefined,
  attempt?: AttemptPart,
  handed: readonly ArtifactsEntry[] = [],
): void {
  const made = signalOf(unit)
  if (!made.ok) {
    fail(core, unit, { errorClass: 'input', why: made.why }, attempt)
    return
  }
  const signal = made.value
  const to = unitStates.succeeded
  const said = {
    ...named(unit),
    to,
    ...(outputs === undefined ? {} : { outputs }),
    ...(signal === undefined ? {} : { signal }),
    ...(handed.length === 0 ? {} : { artifacts: handed }),
  }
  noteHandedOn(unit.run, unit.plan, unit.item < 0 ? undefined : unit.item, handed)
  const bytes =
    (outputs === undefined ? 0 : Buffer.byteLength(outputs)) +
    (signal === undefined ? 0 : signalBytes + 3 * (signal.data?.length ?? 0)) +
    artifactsEntryBytes * handed.length
  const at = say(core, unit, said, bytes, attempt)
  over(core, unit, to, at, outputs)
}

type Said = Omit<UnitFinished, keyof AttemptPart | 'artifacts'> & {
  readonly artifacts?: readonly ArtifactsEntry[]
}

/** The end itself. Returns the number of the item. */
function say(
  core: Core,
  unit: Unit,
  said: Said,
  bytes: number,
  attempt: AttemptPart | undefined,
): number {
  if (attempt !== undefined) return sayFinished(core, unit, said, bytes, attempt)
  const { waitsFor: _, dueMs: __, exitCode: ___, artifacts, ...settled } = said
  const after = groundOf(core, unit.run, unit.plan.needs, schedulerLimits.afterMax) ?? []
  return core.emit(
    unit,
    { kind: 'settled', value: { ...settled, after, ...keptArtifacts(artifacts) } },
    bytes + 66 * after.length,
  )
}

/** An attempt is over; the agent may forget it when that is in the ledger. */
export function sayFinished(
  core: Core,
  unit: Unit,
  said: Said,
  bytes: number,
  attempt: AttemptPart,
): number {
  const { node } = unit
  const id = { run: unit.run.id, ...named(unit), attempt: attempt.attempt }
  const fence = { term: attempt.term, index: attempt.index }
  const { artifacts: [files] = [], ...rest } = said
  const isHeld = attempt.record !== undefined
  return core.emit(
    unit,
    { kind: 'finished', value: { ...rest, ...attempt, ...filesOf(files) } },
    bytes + (attempt.record?.length ?? 0),
    isHeld ? () => ({ kind: 'committed', node, id, fence }) : undefined,
  )
}

/** They lie where the attempt ran, as the ledger knows. */
function filesOf(entry: ArtifactsEntry | undefined): Pick<UnitFinished, 'artifacts'> {
  if (entry === undefined) return {}
  const { manifest, files, bytes } = entry
  return { artifacts: { manifest, files, bytes } }
}

export function keptArtifacts(
  lists: readonly ArtifactsEntry[] = [],
): Pick<UnitSettled, 'artifacts'> {
  return lists.length === 0 ? {} : { artifacts: { lists: [...lists] } }
}

/** For good. Whoever stands in for the stage is called first, where there is one. */
export function fail(core: Core, unit: Unit, failure: Failure, attempt?: AttemptPart): void {
  const { errorClass, exitCode } = failure
  const why = cut(failure.why)
  unit.lastError = { errorClass, why, exitCode }
  const { run, plan } = unit
  const told = {
    ...named(unit),
    errorClass,
    why,
    ...(exitCode === undefined ? {} : { exitCode }),
  }
  // Who was denied an approval does not get round it.
  const mayBeHelped = unit.item < 0 && unit.waitsFor !== 'approval' && !isStopped(unit)
  const isHelped = mayBeHelped && plan.fallback !== undefined
  if (isHelped && run.over[plan.fallback!] === 0) {
    if (attempt !== undefined) {
      const waits = { ...told, to: unitStates.waiting, waitsFor: waitReasons.fallback }
      sayFinished(core, unit, waits, why.length * 3, attempt)
    } else if (unit.state !== unitStates.open) sayFallback(core, unit)
    release(core, unit)
    if (unit.state !== unitStates.open) unit.state = unitStates.waiting
    unit.waitsFor = 'fallback'
    // It was ended because its time was over. That has been told; what stands in has its own.
    unit.cancelling = undefined
    core.later({ kind: 'begin', unit: callOf(core, run, plan.fallback!, unit) })
    return
  }
  if (isHelped && run.over[plan.fallback!] === unitStates.succeeded) {
    // It has stood in for another stage already; what it did serves here too.
    const outputs = run.facts.get(plan.fallback!)?.outputs
    if (attempt !== undefined) {
      const waits = { ...told, to: unitStates.waiting, waitsFor: waitReasons.fallback }
      sayFinished(core, unit, waits, why.length * 3, attempt)
    }
    const handed = entriesOf(run, plan.fallback!)
    const json = outputs === undefined ? undefined : JSON.stringify(outputs)
    succeed(core, unit, json, undefined, handed)
    return
  }
  const at = say(core, unit, { ...told, to: unitStates.failed }, why.length * 3, attempt)
  over(core, unit, unitStates.failed, at, undefined)
}

function sayFallback(core: Core, unit: Unit): void {
  const { run, plan, readyMs } = unit
  const after = groundOf(core, run, plan.needs, schedulerLimits.afterMax) ?? []
  const closing = plan.stage.section === 'finally' ? { closing: true } : {}
  const value = { ...named(unit), waitsFor: waitReasons.fallback, readyMs, after, ...closing }
  core.emit(unit, { kind: 'waiting', value }, 66 * after.length)
}

/** The unit of a stage that is called; it remembers who called. */
export function callOf(core: Core, run: Run, stage: number, caller: Unit | undefined): Unit {
  const called = run.units.get(stage) ?? unitFor(core, run, stage)
  if (caller !== undefined) called.callers = [...(called.callers ?? []), caller]
  return called
}

export function unitFor(core: Core, run: Run, stage: number): Unit {
  const unit = core.unit(run, run.compiled.plans[stage]!, -1, undefined)
  run.units.set(stage, unit)
  return unit
}

/** Stopped, or never begun. */
export function cancelled(core: Core, unit: Unit, why: string, attempt?: AttemptPart): void {
  const to = unitStates.cancelled
  const at = say(core, unit, { ...named(unit), to, why: cut(why) }, why.length * 3, attempt)
  over(core, unit, to, at, undefined)
}

/** An approval, a condition, a choice decided against it. */
export function skipped(core: Core, unit: Unit): void {
  const to = unitStates.skipped
  over(core, unit, to, say(core, unit, { ...named(unit), to }, 0, undefined), undefined)
}

/** All that follows from an end, whoever said it. */
export function over(
  core: Core,
  unit: Unit,
  to: number,
  at: number,
  outputs: string | undefined,
): void {
  release(core, unit)
  unit.state = to
  const { run, plan, parent, callers } = unit
  if (parent !== undefined) {
    noteNode(run, unit)
    parent.items!.outputs[unit.item] = outputs
    core.later({ kind: 'itemOver', unit: parent, item: unit, to })
    return
  }
  run.units.delete(plan.index)
  if (plan.isRead || plan.stage.role === 'fallback')
    run.facts.set(plan.index, factOf(unit, outputs))
  noteNode(run, unit)
  overOf(core, run, plan.index, to, at)
  if (run.stop > 1) core.later({ kind: 'phase', run })
  for (const caller of callers ?? []) core.later({ kind: 'calledOver', unit: caller, to })
}

function factOf(unit: Unit, outputs: string | undefined): Fact {
  const { node, lastError } = unit
  return {
    attempts: triesOf(unit),
    node,
    outputs: outputs === undefined ? {} : (JSON.parse(outputs) as Value),
    errorClass: lastError?.errorClass ?? '',
    message: lastError?.why ?? '',
    exitCode: lastError?.exitCode,
  }
}

export function noteNode(run: Run, { plan, node }: Pick<Unit, 'plan' | 'node'>): void {
  if (!plan.isCompany || node === '') return
  const nodes = run.nodesOf.get(plan.index)
  if (nodes === undefined) run.nodesOf.set(plan.index, new Set([node]))
  else nodes.add(node)
}

/** What follows for those that need the stage, and for its section. */
export function overOf(core: Core, run: Run, stage: number, to: number, at: number): void {
  const plan = run.compiled.plans[stage]!
  run.over[stage] = to
  run.overAt[stage] = at
  const { section, role, optional } = plan.stage
  const isBad = to === unitStates.failed || to === unitStates.cancelled
  if (role !== 'ordinary') {
    core.later({ kind: 'phase', run })
    return
  }
  if (isBad && !optional) {
    if (section !== 'stages')
      run.cleanupFailed ||= section === 'finally' && to === unitStates.failed
    else if (to === unitStates.failed) run.failed.push(stage)
    else run.cancelled++
  }
  for (const dependant of plan.dependants) {
    if (--run.left[dependant]! === 0) core.later({ kind: 'decide', run, stage: dependant })
  }
  if (--run.open[section] === 0) core.later({ kind: 'phase', run })
}

/** It holds nothing any more, and nobody wakes it. */
export function release(core: Core, unit: Unit): void {
  core.setAlarm(unit, undefined)
  core.ready.remove(unit)
  if (unit.waitsFor === 'signal') core.signals.leave(unit)
  if (unit.waitsFor === 'subflow' && unit.detail !== undefined) core.parents.delete(unit.detail)
  unit.waitsFor = undefined
  if (unit.groupKey === undefined || !core.unitGroups.isIn(unit)) return
  applyReview(core, core.unitGroups.leave(unit))
}

export function applyReview(
  core: Core,
  { admit, stop }: { admit: readonly Unit[]; stop: readonly Unit[] },
): void {
  for (const unit of admit) core.later({ kind: 'start', unit })
  for (const unit of stop) {
    const why = `its concurrency group ${unit.groupKey ?? ''} has room for others only`
    core.later({ kind: 'cancel', unit, why, atOnce: false })
  }
}
