/**
 * The life of a run that was let in (`admitting.ts`): its stages, and after them in this order: what
 * undoes, `onFailure`, `finally`, the end. What follows the stages begins only when the ledger has
 * all of their ends; without any of it, the end goes with the last of them.
 */
import { stateLimits } from '../../../protocol/ledger/limits.ts'
import { runStates, stopModes, unitStates } from '../../../protocol/work/states.ts'
import type { Stage } from '../../../protocol/workflow/model.ts'
import { renderJson } from '../../../protocol/workflow/rendering.ts'
import type { Json } from '../../../protocol/workflow/shape/shape.ts'
import { type Core, groundOf } from './core.ts'
import { callOf, keptArtifacts, noteNode, overOf } from './ends.ts'
import { keepEffects, noteHandedOn } from './handed-on.ts'
import { artifactsEntryBytes, schedulerLimits } from './limits.ts'
import { namesForOutputs, stateOfStages } from './names.ts'
import { passAll } from './passing.ts'
import { fitting, need, type RenderedAs, rendered } from './rendering.ts'
import type { Adopted, Run, RunEnding } from './run.ts'
import { taken } from './steps.ts'

export function beginRun(core: Core, run: Run): void {
  run.phase = 'stages'
  const { timeoutMs } = run.compiled.workflow
  core.setAlarm(run, timeoutMs === undefined ? undefined : run.startedMs + timeoutMs)
  if (run.adopting !== undefined) adopt(core, run, run.adopting)
  beginSection(core, run, 'stages')
}

function beginSection(core: Core, run: Run, section: 'stages' | 'onFailure' | 'finally'): void {
  for (const stage of run.compiled.ordinary[section]) {
    if (run.left[stage] === 0) core.later({ kind: 'decide', run, stage })
  }
  if (run.open[section] === 0) core.later({ kind: 'phase', run })
}

/** What stages did in the run before counts for this one. */
function adopt(core: Core, run: Run, kept: ReadonlyMap<string, Adopted>): void {
  for (const [stage, { to, outputs, errorClass, why, node, exitCode, artifacts }] of kept) {
    const index = run.compiled.indexOf.get(stage)
    if (index === undefined || run.over[index] !== 0 || run.units.has(index)) continue
    const plan = run.compiled.plans[index]!
    if (plan.stage.role !== 'ordinary' || plan.stage.section !== 'stages') continue
    const value = {
      stage,
      to: unitStates[to],
      after: [],
      adopted: true,
      ...(errorClass === undefined ? {} : { errorClass }),
      ...(why === undefined ? {} : { why }),
      ...(outputs === undefined ? {} : { outputs }),
      ...keptArtifacts(artifacts),
    }
    const bytes = 3 * (outputs?.length ?? 0) + artifactsEntryBytes * artifacts.length + 1_024
    const at = core.outbox.push(run, { kind: 'settled', value }, bytes)
    for (const effect of keepEffects(run, artifacts)) core.outbox.effect(run, () => effect)
    noteHandedOn(run, plan, undefined, artifacts)
    noteFact(run, index, { attempts: 0, node, outputs, errorClass, why, exitCode })
    noteNode(run, { plan, node })
    overOf(core, run, index, value.to, at)
  }
}

/** What can be read of a stage that was over before it came here. */
export function noteFact(
  run: Run,
  index: number,
  end: {
    readonly attempts: number
    readonly node: string
    readonly outputs: string | undefined
    readonly errorClass: string | undefined
    readonly why: string | undefined
    readonly exitCode: number | undefined
  },
): void {
  const plan = run.compiled.plans[index]!
  const { step, role } = plan.stage
  const outputs = end.outputs === undefined ? undefined : JSON.parse(end.outputs)
  if (step.kind === 'choose' && typeof outputs?.case === 'number') taken(run, step, outputs.case)
  if (!plan.isRead && role !== 'fallback') return
  run.facts.set(index, {
    attempts: end.attempts,
    node: end.node,
    outputs: outputs ?? (plan.stage.forEach ? [] : {}),
    errorClass: end.errorClass ?? '',
    message: end.why ?? '',
    exitCode: end.exitCode,
  })
}

function isUnderWay({ phase }: Run): boolean {
  return phase !== 'queued' && phase !== 'admitted' && phase !== 'ended'
}

/** As far as it goes now. */
export function goOn(core: Core, run: Run): void {
  for (;;) {
    if (!isUnderWay(run)) return
    if (run.stop === stopModes.kill) {
      if (run.units.size === 0 && run.open.stages === 0) end(core, run)
      return
    }
    switch (run.phase) {
      case 'stages':
        if (run.open.stages > 0 || hasUnitsIn(run, 'stages')) return
        if (!hasSequel(run)) {
          end(core, run)
          return
        }
        run.phase = 'closing'
        break
      case 'closing':
        if (!core.outbox.isQuiet(run)) return
        run.phase = 'undoing'
        break
      case 'undoing':
        if (undoes(core, run)) return
        run.phase = 'onFailure'
        if (stateOfStages(run) === 'failed') beginSection(core, run, 'onFailure')
        break
      case 'onFailure':
        if (stateOfStages(run) === 'failed' && run.open.onFailure > 0) return
        // One that was begun before the run was cancelled is still to end.
        if (hasUnitsIn(run, 'onFailure')) return
        run.phase = 'finally'
        beginSection(core, run, 'finally')
        break
      case 'finally':
        if (run.open.finally > 0 || hasUnitsIn(run, 'finally')) return
        end(core, run)
        return
    }
  }
}

/** One that stood in for a stage may still be to end when the stage is over by being cancelled. */
function hasUnitsIn(run: Run, section: Stage['section']): boolean {
  for (const { plan } of run.units.values()) {
    if (plan.stage.section === section && plan.stage.role !== 'compensation') return true
  }
  return false
}

function hasSequel(run: Run): boolean {
  const { ordinary } = run.compiled
  if (ordinary.finally.length > 0) return true
  const state = stateOfStages(run)
  if (state === 'succeeded') return false
  return (state === 'failed' && ordinary.onFailure.length > 0) || undoable(run).length > 0
}

/** Succeeded stages whose undoing is not over, in the order in which they came to their ends. */
function undoable(run: Run): number[] {
  const { plans, ordinary } = run.compiled
  return ordinary.stages
    .filter((stage) => {
      const { compensate } = plans[stage]!
      const isDone = run.over[stage] === unitStates.succeeded
      return isDone && compensate !== undefined && run.over[compensate] === 0
    })
    .sort((a, b) => run.overAt[a]! - run.overAt[b]! || plans[a]!.order - plans[b]!.order)
}

/** One after the other, the last one first. False when nothing is left to undo. */
function undoes(core: Core, run: Run): boolean {
  if (stateOfStages(run) === 'succeeded') return false
  run.toUndo ??= undoable(run)
  const { plans } = run.compiled
  for (let stage = run.toUndo.at(-1); stage !== undefined; stage = run.toUndo.at(-1)) {
    const undoing = plans[stage]!.compensate!
    if (run.over[undoing] === 0) {
      const unit = callOf(core, run, undoing, undefined)
      if (!unit.hasBegun) core.later({ kind: 'begin', unit })
      return true
    }
    run.toUndo.pop()
  }
  return false
}

export function end(core: Core, run: Run): void {
  // Ends of stages that are on their way may yet not come about.
  const after = groundOf(core, run, run.overAt.keys(), schedulerLimits.afterMax)
  run.endIsDeferred = after === undefined
  if (after === undefined) return
  const ending = endingOf(run)
  const { to, outputs, reason } = ending
  const value = {
    to: runStates[to],
    after,
    ...(outputs === undefined ? {} : { outputs }),
    ...(reason === undefined ? {} : { reason }),
  }
  const bytes = 3 * (outputs?.length ?? 0) + 1_024 + 66 * after.length
  core.outbox.push(run, { kind: 'ended', value }, bytes)
  run.phase = 'ended'
  run.ended = ending
  core.setAlarm(run, undefined)
}

function endingOf(run: Run): RunEnding {
  if (run.state === 'queued' || run.stop === stopModes.kill) {
    return { to: 'cancelled', outputs: undefined, reason: undefined }
  }
  const to = stateOfStages(run)
  if (to === 'cancelled') {
    const reason = run.stop > 0 ? undefined : 'stages of it were cancelled'
    return { to, outputs: undefined, reason }
  }
  if (to === 'failed') {
    const names = run.failed.slice(0, 5).map((stage) => run.compiled.plans[stage]!.stage.name)
    const more = run.failed.length > 5 ? `, and ${run.failed.length - 5} more` : ''
    return { to, outputs: undefined, reason: `${names.join(', ')} failed${more}` }
  }
  if (run.cleanupFailed) {
    return { to: 'failed', outputs: undefined, reason: 'its stages succeeded, and finally failed' }
  }
  const outputs = outputsOf(run)
  if (!outputs.ok) return { to: 'failed', outputs: undefined, reason: outputs.why.slice(0, 340) }
  return { to, outputs: outputs.value, reason: undefined }
}

function outputsOf(run: Run): RenderedAs<string | undefined> {
  const entries = Object.entries(run.compiled.workflow.outputs)
  if (entries.length === 0) return { ok: true, value: undefined }
  return rendered(() => {
    const names = namesForOutputs(run)
    const values: Record<string, Json> = {}
    for (const [name, { value }] of entries) {
      values[name] = need(`outputs.${name}`, renderJson(value, names))
    }
    return fitting('outputs', JSON.stringify(values), stateLimits.runOutputsBytesMax)
  })
}

/** By the leader; the ledger is told. */
export function stop(core: Core, run: Run, mode: 'cancel' | 'kill', reason: string): void {
  if (run.phase === 'ended' || run.stop >= stopModes[mode]) return
  const why = reason.slice(0, 340)
  const value = { mode: stopModes[mode], by: 'skein', reason: why }
  core.outbox.push(run, { kind: 'stopped', value }, 3 * why.length)
  stopping(core, run, mode, why)
}

/** It is being stopped: what runs is, and nothing more begins but what undoes or cleans up. */
export function stopping(core: Core, run: Run, mode: 'cancel' | 'kill', why: string): void {
  if (run.phase === 'ended' || run.stop >= stopModes[mode]) return
  run.stop = stopModes[mode]
  run.stopReason = why
  core.setAlarm(run, undefined)
  if (run.phase === 'queued') end(core, run)
  // Of one that is being let in, the ledger says whether it was, and what is to be stopped.
  else if (run.phase !== 'admitted') cancelAll(core, run)
}

/** Again, for a run that was read anew while it was being stopped. */
export function cancelAll(core: Core, run: Run): void {
  const isKill = run.stop === stopModes.kill
  const why = run.stopReason
  for (const unit of run.units.values()) {
    const { section, role } = unit.plan.stage
    const isCleaning = section === 'finally' || (role === 'compensation' && section === 'stages')
    if (isKill || !isCleaning) core.later({ kind: 'cancel', unit, why, atOnce: isKill })
  }
  passSection(core, run, 'stages', why)
  if (run.phase === 'onFailure') passSection(core, run, 'onFailure', why)
  core.later({ kind: 'phase', run })
}

function passSection(core: Core, run: Run, section: 'stages' | 'onFailure', why: string): void {
  const left = run.compiled.ordinary[section].filter(
    (stage) => run.over[stage] === 0 && !run.units.has(stage),
  )
  for (let from = 0; from < left.length; from += schedulerLimits.passedMax) {
    const some = left.slice(from, from + schedulerLimits.passedMax)
    passAll(core, run, some, unitStates.cancelled, why)
  }
}
