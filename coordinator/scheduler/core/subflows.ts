/** Stages that start a run of another workflow, and what its end means for them. */
import { createHash } from 'node:crypto'
import type { RunStart } from '../../../protocol/ledger/commands/work-runs.ts'
import { stateLimits } from '../../../protocol/ledger/limits.ts'
import type { RunEnd } from '../../../protocol/work/states.ts'
import { unitStates, waitReasons } from '../../../protocol/work/states.ts'
import { canonicalJson, planHash } from '../../../protocol/workflow/canonical.ts'
import { bindInputs } from '../../../protocol/workflow/inputs.ts'
import { seconds } from '../../placement/words.ts'
import { watchTimes } from './attempt-times.ts'
import type { Compiled } from './compiled.ts'
import { type Core, groundOf, isClosing, isStopped, named } from './core.ts'
import { cancelled, fail, succeed } from './ends.ts'
import { itemOf } from './item-values.ts'
import { schedulerLimits } from './limits.ts'
import { namesBefore, namesFor } from './names.ts'
import { fitting, jsonMap, placeOf, type RenderedAs, refuse, rendered, text } from './rendering.ts'
import { nextTryMs } from './retrying.ts'
import type { Run, Unit } from './run.ts'

/** How deep a run is in others, for those that start themselves. */
export const depthLabel = 'skein.depth'

/** The workflow comes by its name, which is asked for. */
export function launch(core: Core, unit: Unit): void {
  if (unit.isLooking) return
  const name = rendered(() => {
    const { stage } = unit.plan
    if (stage.step.kind !== 'workflow') return ''
    const place = placeOf(stage, 'workflow', 'name')
    if (depthOf(unit.run) >= schedulerLimits.subflowDepthMax) {
      refuse(
        place,
        `workflows start each other ${schedulerLimits.subflowDepthMax} deep, which is the most`,
      )
    }
    return text(place, stage.step.name, namesOf(unit), stateLimits.stageNameBytesMax)
  })
  if (!name.ok) {
    fail(core, unit, { errorClass: 'input', why: name.why })
    return
  }
  unit.isLooking = true
  const others = core.looking.get(name.value)
  if (others === undefined) {
    core.looking.set(name.value, [unit])
    core.effect({ kind: 'findWorkflow', name: name.value })
  } else others.push(unit)
}

function namesOf({ run, plan, parent, item }: Unit) {
  return namesFor(run, plan, parent === undefined ? undefined : itemOf(parent, item))
}

function depthOf({ labels }: Run): number {
  return Number(labels[depthLabel] ?? 0)
}

export function workflowFound(core: Core, name: string, found: Compiled | undefined): void {
  const units = core.looking.get(name) ?? []
  core.looking.delete(name)
  for (const unit of units) {
    const isWanted = unit.isLooking && unit.state <= unitStates.waiting && !unit.run.isFrozen
    unit.isLooking = false
    if (!isWanted) continue
    if (isStopped(unit)) cancelled(core, unit, unit.run.stopReason)
    else if (found !== undefined) launchAs(core, unit, found)
    else {
      const place = placeOf(unit.plan.stage, 'workflow', 'name')
      const why = `${place}: no workflow has the name ${name}; publish it first`
      fail(core, unit, { errorClass: 'input', why })
    }
  }
}

function launchAs(core: Core, unit: Unit, compiled: Compiled): void {
  const attempt = unit.attempt + 1
  const made = childOf(core, unit, compiled, attempt)
  if (!made.ok) {
    fail(core, unit, { errorClass: 'input', why: made.why })
    return
  }
  const child = made.value
  const { run, plan, readyMs } = unit
  const { step, timeouts } = plan.stage
  const after = groundOf(core, run, plan.needs, schedulerLimits.afterMax) ?? []
  const value = { ...named(unit), attempt, child, waits: true, readyMs, after }
  if (isClosing(unit)) Object.assign(value, { closing: true })
  const labelBytes = 340 * Object.keys(child.labels).length
  const bytes = 3 * child.inputs.length + labelBytes + 66 * after.length
  core.emit(unit, { kind: 'launched', value }, bytes)
  unit.attempt = attempt
  unit.state = unitStates.waiting
  unit.waitsFor = 'subflow'
  unit.detail = child.run
  if (step.kind === 'workflow' && !step.wait) {
    succeed(core, unit, JSON.stringify({ run: child.run }))
    return
  }
  const { startToCloseMs } = timeouts
  unit.dueMs = startToCloseMs === undefined ? undefined : core.nowMs + startToCloseMs
  core.parents.set(child.run, unit)
  watchTimes(core, unit)
}

/** The same try of the same stage starts the same run, whoever leads. */
export function childId(unit: Unit, attempt: number): string {
  const of = `${unit.run.id}/${unit.plan.stage.name}/${unit.item}#${attempt}`
  return createHash('sha256').update(of).digest('hex').slice(0, 26)
}

function childOf(
  core: Core,
  unit: Unit,
  compiled: Compiled,
  attempt: number,
): RenderedAs<RunStart> {
  const { run, plan } = unit
  const { workflow, hash } = compiled
  const { noteBytesMax, runInputsBytesMax } = stateLimits
  return rendered(() => {
    const place = placeOf(plan.stage, 'with')
    const bound = bindInputs(workflow, jsonMap(place, plan.stage.with, namesOf(unit)))
    if (!bound.ok) {
      const [first] = bound.mistakes
      return refuse(place, `for the workflow ${workflow.name}: ${first?.message}`)
    }
    const id = childId(unit, attempt)
    const { by, priority } = run.spec
    const labels = { ...workflow.labels, [depthLabel]: String(depthOf(run) + 1) }
    const head = { id, by, startedMs: core.nowMs, labels }
    const { concurrency } = workflow
    const key =
      concurrency &&
      text(
        `${place}: the concurrency of ${workflow.name}`,
        concurrency.key,
        namesBefore(compiled, bound.values, head),
        noteBytesMax,
      )
    return {
      run: id,
      workflow: hash,
      name: workflow.name,
      inputs: fitting(place, canonicalJson(bound.values), runInputsBytesMax),
      by,
      labels,
      planHash: planHash(workflow, bound.values),
      parent: { run: run.id, ...named(unit) },
      ...(priority === undefined ? {} : { priority }),
      ...(key === undefined
        ? {}
        : { group: { key, limit: concurrency!.limit, policy: concurrency!.policy } }),
    }
  })
}

export interface ChildEnd {
  readonly state: RunEnd
  readonly outputs?: string | undefined
  readonly reason?: string | undefined
}

/** The run that a unit has started is over, in the ledger. */
export function childEnded(core: Core, unit: Unit, { state, outputs, reason }: ChildEnd): void {
  const { cancelling } = unit
  if (state === 'succeeded') succeed(core, unit, outputs)
  else if (cancelling?.to === 'cancelled') cancelled(core, unit, cancelling.why)
  else if (cancelling?.to === 'failed') {
    fail(core, unit, { errorClass: 'transient', why: cancelling.why })
  } else if (state === 'failed' || cancelling?.to === 'retry') {
    const told = cancelling?.why ?? `its run ${unit.detail} failed${reason ? `: ${reason}` : ''}`
    failedOnce(core, unit, told)
  } else {
    const why = `its run ${unit.detail} was cancelled${reason ? `: ${reason}` : ''}`
    fail(core, unit, { errorClass: 'transient', why })
  }
}

/** Each start was a try. */
function failedOnce(core: Core, unit: Unit, why: string): void {
  const { plan, attempt, run, readyMs } = unit
  unit.cancelling = undefined
  const dueMs = isStopped(unit)
    ? undefined
    : nextTryMs(plan.stage, 'transient', attempt, core.random, core.nowMs)
  if (dueMs === undefined) {
    fail(core, unit, { errorClass: 'transient', why })
    return
  }
  const after = groundOf(core, run, plan.needs, schedulerLimits.afterMax) ?? []
  const value = { ...named(unit), waitsFor: waitReasons.retry, dueMs, readyMs, after }
  if (isClosing(unit)) Object.assign(value, { closing: true })
  core.emit(unit, { kind: 'waiting', value }, 66 * after.length)
  unit.waitsFor = 'retry'
  unit.dueMs = dueMs
  unit.triedMs = dueMs
  unit.lastError = { errorClass: 'transient', why, exitCode: undefined }
  if (dueMs <= core.nowMs) core.later({ kind: 'start', unit })
  else watchTimes(core, unit)
}

/** It is stopped, and its end then ends the unit. */
export function stopChild(core: Core, unit: Unit, why: string, atOnce: boolean): void {
  const child = unit.detail === undefined ? undefined : core.runs.get(unit.detail)
  // One that nobody has told of yet is stopped when it comes.
  if (child !== undefined) {
    core.later({ kind: 'stop', run: child, mode: atOnce ? 'kill' : 'cancel', why })
  }
}

/** A subflow that takes too long is stopped, and counts as a try that failed. */
export function ringSubflow(core: Core, unit: Unit): void {
  const { timeouts } = unit.plan.stage
  const { nowMs } = core
  const isOver = timeouts.totalMs !== undefined && nowMs >= unit.readyMs + timeouts.totalMs
  const isLate = unit.dueMs !== undefined && nowMs >= unit.dueMs
  if (unit.cancelling === undefined && (isOver || isLate)) {
    const why = isOver
      ? `it took longer than ${seconds(timeouts.totalMs)} with all attempts and waits`
      : `its run took longer than ${seconds(nowMs - unit.triedMs)}`
    unit.cancelling = { to: isOver ? 'failed' : 'retry', why, atOnce: false, saidMs: nowMs }
    stopChild(core, unit, why, false)
  }
  watchTimes(core, unit)
}
