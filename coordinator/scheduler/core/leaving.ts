/**
 * Attempts that another one outran, until their hosts say that they are over: so long they keep their
 * room, and are asked to end again and again, whatever becomes of their run.
 *
 * Invariant: none is asked to end before the ledger has the end of its unit. There are no more of them
 * than hosts have room for.
 */
import { isAtWork } from '../../../protocol/ledger/read-run.ts'
import type { RunView } from '../../../protocol/ledger/work-view.ts'
import { type AttemptId, attemptKey, type Fence, sameFence } from '../../../protocol/work/fence.ts'
import type { HeldAttempt } from '../../../protocol/work/messages.ts'
import { attemptOf, type Core } from './core.ts'
import { schedulerTimes } from './limits.ts'
import { takeOff } from './room.ts'
import type { Beside, Leaving, Unit } from './run.ts'

/** It keeps its room, and is asked to end when the end of the unit is in the ledger. */
export function leave(core: Core, unit: Unit, loser: Beside, fence: Fence): void {
  const { node, attempt } = loser
  const id = { ...attemptOf(unit), attempt }
  takeOff(core, unit, node)
  const { resources } = unit.plan.stage
  const leaving: Leaving = { node, id, fence, resources, saidMs: undefined }
  const own = core.leaving.get(node) ?? new Map<string, Leaving>()
  core.leaving.set(node, own)
  own.set(attemptKey(id), leaving)
  core.outbox.effect(unit.run, () => {
    if (own.get(attemptKey(id)) === leaving) sayLeave(core, leaving)
    return undefined
  })
}

function sayLeave(core: Core, leaving: Leaving): void {
  const { node, id, fence } = leaving
  leaving.saidMs = core.nowMs
  const reason = 'another attempt was first'
  core.effect({ kind: 'cancel', node, id, fence, reason, atOnce: false })
}

/** Its host says that it is over. */
export function hasLeft(core: Core, node: string, id: AttemptId, fence: Fence): void {
  const leaving = core.leaving.get(node)?.get(attemptKey(id))
  if (leaving !== undefined && sameFence(leaving.fence, fence)) letGo(core, leaving)
}

/** The host is gone, and all that was there with it. */
export function allHaveLeft(core: Core, node: string): void {
  for (const leaving of core.leaving.get(node)?.values() ?? []) letGo(core, leaving)
}

/** What its host does not hold is over. True of those that it does, and that are asked to end here. */
export function leavesBy(core: Core, node: string, held: readonly HeldAttempt[]): Set<string> {
  const own = core.leaving.get(node)
  if (own === undefined) return new Set()
  const alive = new Map<string, Fence>()
  for (const { id, fence, state } of held)
    if (state !== 'finished') alive.set(attemptKey(id), fence)
  for (const [key, leaving] of own) {
    const fence = alive.get(key)
    if (fence === undefined || !sameFence(fence, leaving.fence)) letGo(core, leaving)
  }
  return new Set(own.keys())
}

/**
 * The run as the ledger has it, or undefined of one that it has no more: one whose unit did not end
 * is at work again, and all others are to end.
 */
export function leavesAsIn(core: Core, run: string, view: RunView | undefined): void {
  for (const own of core.leaving.values()) {
    for (const leaving of own.values()) {
      const { id, node, saidMs } = leaving
      if (id.run !== run) continue
      const unit = view?.units.find(({ stage, item }) => stage === id.stage && item === id.item)
      if (unit !== undefined && isAtWork(unit, node, id.attempt)) letGo(core, leaving)
      else if (saidMs === undefined) sayLeave(core, leaving)
    }
  }
}

/** Those that still have not ended are asked again, and their hosts what they hold. */
export function askLeaving(core: Core): string[] {
  const { nowMs } = core
  const silent: string[] = []
  for (const [node, own] of core.leaving) {
    let isSilent = false
    for (const leaving of own.values()) {
      const { saidMs } = leaving
      if (saidMs === undefined) continue
      if (saidMs + schedulerTimes.cancelRepeatMs <= nowMs) sayLeave(core, leaving)
      isSilent ||= saidMs + schedulerTimes.inquireAfterMs <= nowMs
    }
    if (isSilent) silent.push(node)
  }
  return silent
}

function letGo(core: Core, { node, id, resources }: Leaving): void {
  const own = core.leaving.get(node)
  own?.delete(attemptKey(id))
  if (own?.size === 0) core.leaving.delete(node)
  core.hosts.release(node, resources)
  core.ready.changed()
}
