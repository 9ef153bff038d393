/** What hosts hold, compared with what they should: nothing runs that is not wanted, nothing wanted is missing. */

import { attemptKey, sameFence } from '../../../protocol/work/fence.ts'
import type { HeldAttempt } from '../../../protocol/work/messages.ts'
import { accepted } from './attempts.ts'
import { turnTo } from './beside.ts'
import { attemptOf, type Core } from './core.ts'
import { askLeaving, leavesBy } from './leaving.ts'
import { schedulerTimes } from './limits.ts'
import { assignAgain } from './placing.ts'
import type { Unit } from './run.ts'

export function takeInventory(core: Core, node: string, held: readonly HeldAttempt[]): void {
  core.answered.add(node)
  core.lost.delete(node)
  core.awaited.delete(node)
  core.hostsChanged()
  const leaving = leavesBy(core, node, held)
  const wanted = new Map<string, Unit>()
  for (const unit of core.assignedTo.get(node) ?? []) {
    turnTo(unit, node)
    wanted.set(attemptKey(attemptOf(unit)), unit)
  }
  for (const { id, fence, state, forMs } of held) {
    const key = attemptKey(id)
    const unit = wanted.get(key)
    const isWanted = unit?.fence !== undefined && sameFence(unit.fence, fence)
    if (isWanted) {
      wanted.delete(key)
      accepted(core, unit, forMs)
    } else if (state !== 'finished' && !leaving.has(key) && isUnwanted(core, id.run)) {
      // One that is finished says so itself, and hears then that nobody waits for it.
      core.effect({
        kind: 'cancel',
        node,
        id,
        fence,
        reason: 'its fence has passed',
        atOnce: true,
      })
    }
  }
  for (const unit of wanted.values()) if (!unit.isAccepted) assignAgain(core, unit)
  for (const unit of wanted.values()) if (unit.isAccepted) unit.isAccepted = false
}

/** Of a run about which nothing is on its way, what is not known is not wanted. */
function isUnwanted(core: Core, id: string): boolean {
  const run = core.runs.get(id)
  if (run === undefined) return !core.expected.has(id)
  return !run.isFrozen && core.outbox.isQuiet(run)
}

/**
 * Hosts that have said nothing about what they were sent, or not yet what they hold, are asked. So
 * are those that say no more of what they have taken: a disk may have forgotten it.
 */
export function inquire(core: Core): void {
  const beforeMs = core.nowMs - schedulerTimes.inquireAfterMs
  const longBeforeMs = core.nowMs - schedulerTimes.silentAfterMs
  const asked = new Set([...core.awaited, ...askLeaving(core)])
  for (const [node, units] of core.assignedTo) {
    if (core.lost.has(node) || asked.has(node)) continue
    for (const unit of units) {
      turnTo(unit, node)
      if (unit.fence === undefined) continue
      if (unit.heardMs > (unit.isAccepted ? longBeforeMs : beforeMs)) continue
      asked.add(node)
      break
    }
  }
  for (const node of asked) core.effect({ kind: 'inquire', node })
}
