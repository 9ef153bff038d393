/**
 * A run as the ledger tells it, taken up where it is: new ones, those that another leader had begun,
 * and those about which something was a surprise. Nothing is assumed but what the rows say.
 */
import { stateLimits } from '../../../protocol/ledger/limits.ts'
import type { ArtifactsEntry, RunView, UnitView } from '../../../protocol/ledger/work-view.ts'
import { stopModes, unitStates } from '../../../protocol/work/states.ts'
import { errorClasses } from '../../../protocol/workflow/model.ts'
import { keptBy } from '../../../protocol/workflow/stage-set.ts'
import { enterGroup, takeUp } from './admitting.ts'
import { enqueue, watchTimes } from './attempt-times.ts'
import { lose } from './attempts.ts'
import { atWork, newAttempt, triesOf, turnTo } from './beside.ts'
import type { Compiled } from './compiled.ts'
import type { Core } from './core.ts'
import { callOf, fail, noteNode, succeed } from './ends.ts'
import { forget, lookAt } from './forgetting.ts'
import { keepEffects, noteHolder, readHandedOn } from './handed-on.ts'
import { cannotSucceed, count, itemsOf, stopItems } from './items.ts'
import { noteFact } from './phases.ts'
import { setAsideAt, take } from './room.ts'
import { type Adopted, Run, type Unit } from './run.ts'
import { termsOf } from './stages.ts'
import { outputsOf, start } from './steps.ts'
import { launch } from './subflows.ts'

/** Below every number that an item gets, and growing with the revision. */
const beforeAllItems = -(2 ** 52)

export function addRun(
  core: Core,
  view: RunView,
  compiled: Compiled,
  before: RunView | undefined,
): void {
  const { head, spec } = view
  const known = core.runs.get(view.run)
  const left = known === undefined ? undefined : forget(core, known)
  if (isOver(head.state)) {
    core.runs.delete(view.run)
  } else {
    const run = new Run(view.run, compiled, spec, head)
    core.runs.set(view.run, run)
    if (before !== undefined && spec.retry !== undefined)
      run.adopting = adoptedOf(before, keptBy(spec.retry, compiled.workflow))
    run.stop = stopModes[head.stop]
    run.stopReason = head.reason ?? ''
    readEnds(core, run, view.units)
    const units = readUnits(core, run, view.units)
    enterGroup(core, run)
    for (const { unit, view: own } of units) resume(core, unit, own)
    if (run.state !== 'queued') takeUp(core, run)
    const parent = core.parents.get(run.id)
    if (parent?.cancelling !== undefined) {
      const { why, atOnce } = parent.cancelling
      core.later({ kind: 'stop', run, mode: atOnce ? 'kill' : 'cancel', why })
    }
  }
  if (left !== undefined) lookAt(core, left)
}

function isOver(state: RunView['head']['state']): state is 'succeeded' | 'failed' | 'cancelled' {
  return state !== 'queued' && state !== 'running'
}

function adoptedOf({ units }: RunView, keep: readonly string[]): Map<string, Adopted> {
  const wanted = new Set(keep)
  const made = artifactsOf(units)
  const adopted = new Map<string, Adopted>()
  for (const { item, stage, state, outputs, errorClass, why, node, exitCode } of units) {
    if (item !== undefined || !wanted.has(stage) || unitStates[state] < unitStates.succeeded)
      continue
    const to = state as Adopted['to']
    const artifacts = made.get(stage) ?? []
    adopted.set(stage, { to, outputs, errorClass, why, node: node ?? '', exitCode, artifacts })
  }
  return adopted
}

/** By stage; of its items too, each named with its own. */
function artifactsOf(units: readonly UnitView[]): Map<string, ArtifactsEntry[]> {
  const found = new Map<string, ArtifactsEntry[]>()
  for (const { stage, item, state, artifacts = [] } of units) {
    if (state !== 'succeeded' || artifacts.length === 0) continue
    const known = found.get(stage) ?? []
    found.set(stage, known)
    if (known.length >= stateLimits.runArtifactsMax) continue
    known.push(...(item === undefined ? artifacts : artifacts.map((each) => ({ ...each, item }))))
  }
  return found
}

/** Stages that are over, and what is left of the needs of the others. */
function readEnds(core: Core, run: Run, views: readonly UnitView[]): void {
  const { plans, indexOf } = run.compiled
  for (const view of views) {
    const index = indexOf.get(view.stage)
    const to = unitStates[view.state]
    if (index === undefined) continue
    const plan = plans[index]!
    const node = view.node ?? ''
    if (to >= unitStates.succeeded) noteNode(run, { plan, node })
    // Said again: whoever led before may not have come to it.
    if (view.adopted === true && view.artifacts !== undefined) {
      for (const effect of keepEffects(run, view.artifacts)) core.effect(effect)
    }
    readHandedOn(run, plan, view)
    if (view.item !== undefined || to < unitStates.succeeded) continue
    run.over[index] = to
    run.overAt[index] = beforeAllItems + view.revision
    const { outputs, errorClass, why, exitCode } = view
    noteFact(run, index, { attempts: triesOf(view), node, outputs, errorClass, why, exitCode })
    const { section, role, optional } = plan.stage
    if (role !== 'ordinary') continue
    run.open[section]--
    if (to < unitStates.failed || to === unitStates.skipped || optional) continue
    if (section !== 'stages')
      run.cleanupFailed ||= section === 'finally' && to === unitStates.failed
    else if (to === unitStates.failed) run.failed.push(index)
    else run.cancelled++
  }
  for (const { stage, state, node = '' } of views) {
    const plan = plans[indexOf.get(stage) ?? -1]
    if (plan !== undefined && state === 'succeeded') noteHolder(run, plan, node)
  }
  for (const { index, needs } of plans) {
    let left = 0
    for (const need of needs) if (run.over[need] === 0) left++
    run.left[index] = left
  }
}

interface Found {
  readonly unit: Unit
  readonly view: UnitView
}

/** Units that live. Items after the stages that they are of. */
function readUnits(core: Core, run: Run, views: readonly UnitView[]): Found[] {
  const { plans, indexOf } = run.compiled
  const found: Found[] = []
  for (const view of views) {
    const index = indexOf.get(view.stage)
    if (index === undefined || run.over[index] !== 0) continue
    if (view.item === undefined) {
      const unit = unitFrom(core, view, core.unit(run, plans[index]!, -1, undefined))
      run.units.set(index, unit)
      if (view.state === 'open') unit.items = itemsOf(view.items ?? 0, view.list)
      found.push({ unit, view })
      continue
    }
    const parent = run.units.get(index)
    if (parent?.items === undefined) continue
    const { items } = parent
    items.hasBegun[view.item] = 1
    notePlaced(core, parent, view)
    const to = unitStates[view.state]
    if (to >= unitStates.succeeded) {
      items.outputs[view.item] = view.outputs
      count(items, view.item, to, view.why)
      continue
    }
    const unit = unitFrom(core, view, core.unit(run, plans[index]!, view.item, parent))
    items.live.set(view.item, unit)
    found.push({ unit, view })
  }
  return found
}

function notePlaced(core: Core, { plan, items }: Unit, { node, state }: UnitView): void {
  const { spread } = plan.stage.where
  // An assigned one is noted when it takes its room.
  if (spread === undefined || node === undefined || state === 'assigned') return
  const value = spread === 'host' ? node : core.hosts.get(node)?.labels[spread]
  if (value !== undefined) items!.placed.set(value, (items!.placed.get(value) ?? 0) + 1)
}

function unitFrom(core: Core, view: UnitView, unit: Unit): Unit {
  unit.hasBegun = true
  unit.state = unitStates[view.state]
  unit.attempt = view.attempt
  unit.readyMs = view.readyMs
  unit.triedMs = view.waitsFor === 'retry' ? (view.dueMs ?? core.nowMs) : view.changedMs
  unit.node = view.node ?? ''
  unit.fence = view.fence
  unit.raced = view.raced
  if (view.rival !== undefined) {
    const { node, fence } = view.rival
    unit.beside = newAttempt(view.raced!, node, fence, core.nowMs)
  }
  unit.waitsFor = view.waitsFor
  unit.dueMs = view.dueMs
  unit.detail = view.detail
  unit.key = view.key
  unit.heardMs = core.nowMs
  unit.failures = errorClasses.map((each) => view.failures[each] ?? 0)
  if (view.errorClass !== undefined) {
    const errorClass = errorClasses.find((each) => each === view.errorClass) ?? 'transient'
    unit.lastError = { errorClass, why: view.why ?? '', exitCode: view.exitCode }
    if (errorClass === 'lost') unit.avoid = unit.node
  }
  if (view.approval !== undefined) {
    const by = view.approval.votes.filter(({ approves }) => approves).map((vote) => vote.by)
    const deniedBy = view.approval.votes.find(({ approves }) => !approves)?.by
    unit.approval = {
      count: view.approval.count,
      by: new Set(by),
      ...(deniedBy === undefined ? {} : { deniedBy }),
    }
  }
  if (unit.state === unitStates.assigned) {
    take(core, unit)
    if (unit.beside !== undefined) {
      core.racing.add(unit)
      setAsideAt(core, unit, unit.beside.node)
    }
    for (const { node, fence } of atWork(unit)) {
      const isForeign = fence?.term !== core.term
      if (!isForeign || core.answered.has(node) || core.lost.has(node)) continue
      core.awaited.add(node)
      core.hostsChanged()
    }
  }
  if (holdsPlace(unit)) {
    const terms = termsOf(unit)
    if (terms.ok && terms.value !== undefined) {
      unit.groupKey = terms.value.key
      core.unitGroups.hold(unit, terms.value)
    }
  }
  return unit
}

function holdsPlace({ state, waitsFor }: Unit): boolean {
  if (state === unitStates.assigned) return true
  return state === unitStates.waiting && waitsFor !== 'approval' && waitsFor !== 'fallback'
}

/** What was going on with it goes on. */
function resume(core: Core, unit: Unit, view: UnitView): void {
  const { state, waitsFor } = unit
  if (state === unitStates.assigned) {
    const lost = atWork(unit).filter(({ node }) => core.lost.has(node))
    for (const node of lost.map((each) => each.node)) {
      turnTo(unit, node)
      lose(core, unit)
    }
    if (lost.length === 0) watchTimes(core, unit)
    return
  }
  if (state === unitStates.open) {
    if (unit.items!.isStopped) return
    if (cannotSucceed(unit)) stopItems(core, unit, 'another item of its stage has failed', false)
    core.later({ kind: 'goOn', unit })
    return
  }
  switch (waitsFor) {
    case 'time':
      watchTimes(core, unit)
      return
    case 'approval':
      if (unit.approval?.deniedBy !== undefined) {
        fail(core, unit, { errorClass: 'input', why: `${unit.approval.deniedBy} has denied it` })
      } else if (view.approval?.approved === true) core.later({ kind: 'approved', unit })
      else watchTimes(core, unit)
      return
    case 'signal': {
      const known = core.signals.since(unit.detail!, unit.key, unit.run.startedMs)
      if (known !== undefined) {
        succeed(core, unit, outputsOf(known))
        return
      }
      core.signals.wait(unit)
      watchTimes(core, unit)
      return
    }
    case 'subflow':
      resumeSubflow(core, unit)
      return
    case 'retry':
      core.later({ kind: 'retry', unit })
      return
    case 'fallback': {
      const { run, plan } = unit
      const help = plan.fallback!
      if (run.over[help] !== 0) core.later({ kind: 'calledOver', unit, to: run.over[help]! })
      else core.later({ kind: 'begin', unit: callOf(core, run, help, unit) })
      return
    }
  }
}

function resumeSubflow(core: Core, unit: Unit): void {
  const { step, timeouts } = unit.plan.stage
  if (step.kind === 'workflow' && !step.wait) {
    succeed(core, unit, JSON.stringify({ run: unit.detail }))
    return
  }
  core.parents.set(unit.detail!, unit)
  const { startToCloseMs } = timeouts
  unit.dueMs = startToCloseMs === undefined ? undefined : unit.triedMs + startToCloseMs
  watchTimes(core, unit)
  if (!core.runs.has(unit.detail!)) core.effect({ kind: 'findRun', run: unit.detail! })
}

/** Its next try is due, or is waited for. */
export function resumeRetry(core: Core, unit: Unit): void {
  const { dueMs, plan } = unit
  if (unit.waitsFor !== 'retry' || core.ready.isIn(unit)) return
  if (dueMs !== undefined && dueMs > core.nowMs) watchTimes(core, unit)
  else if (plan.isWork) enqueue(core, unit)
  else if (plan.stage.step.kind === 'workflow') launch(core, unit)
  else start(core, unit)
}
