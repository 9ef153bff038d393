/**
 * What follows from what: tasks, one after the other until none is left. Everything that acts on a
 * run goes through here, so that no function calls itself by way of others however long a chain is.
 */
import { unitStates } from '../../../protocol/work/states.ts'
import { cancel } from './cancelling.ts'
import type { Core, Task } from './core.ts'
import { cancelled, fail, succeed } from './ends.ts'
import { entriesOf } from './handed-on.ts'
import { goOn, itemOver } from './items.ts'
import { Passing } from './passing.ts'
import { end, goOn as phase, stop } from './phases.ts'
import { resumeRetry } from './resume.ts'
import type { Run, Unit } from './run.ts'
import { approved, begin, decide } from './stages.ts'
import { start } from './steps.ts'
import { type ChildEnd, childEnded } from './subflows.ts'

export class Work {
  private readonly core: Core
  private readonly passing = new Passing()

  constructor(core: Core) {
    this.core = core
  }

  /** False when there was nothing to do. */
  all(): boolean {
    const { core, passing } = this
    let isAny = false
    for (let task = core.nextTask(); task !== undefined; task = core.nextTask()) {
      isAny = true
      if (task.kind !== 'decide') passing.flush(core)
      if ('run' in task ? !task.run.isFrozen : isActive(core, task.unit)) this.perform(task)
    }
    passing.flush(core)
    return isAny
  }

  /** Something of the run has come back from the ledger. */
  committed(run: Run): void {
    const { core } = this
    if (run.deferred.size > 0) {
      for (const stage of run.deferred) core.later({ kind: 'decide', run, stage })
      run.deferred.clear()
    }
    if (run.phase === 'closing' || run.endIsDeferred) core.later({ kind: 'phase', run })
  }

  childEnded(parent: Unit, ended: ChildEnd): void {
    if (isActive(this.core, parent) && parent.waitsFor === 'subflow') {
      childEnded(this.core, parent, ended)
    }
  }

  private perform(task: Task): void {
    const { core } = this
    switch (task.kind) {
      case 'decide':
        decide(core, this.passing, task.run, task.stage)
        return
      case 'begin':
        begin(core, task.unit)
        return
      case 'start':
        start(core, task.unit)
        return
      case 'approved':
        approved(core, task.unit)
        return
      case 'retry':
        resumeRetry(core, task.unit)
        return
      case 'goOn':
        goOn(core, task.unit)
        return
      case 'itemOver':
        itemOver(core, task.unit, task.item, task.to)
        return
      case 'calledOver':
        calledOver(core, task.unit, task.to)
        return
      case 'cancel':
        cancel(core, task.unit, task.why, task.atOnce)
        return
      case 'phase':
        phase(core, task.run)
        return
      case 'endQueued':
        if (task.run.phase === 'queued') end(core, task.run)
        return
      case 'stop':
        stop(core, task.run, task.mode, task.why)
    }
  }
}

/** It lives, in a run that is as it was. */
function isActive(core: Core, { run, state }: Unit): boolean {
  return state < unitStates.succeeded && !run.isFrozen && core.runs.get(run.id) === run
}

/** What stands in for the unit is over. */
function calledOver(core: Core, unit: Unit, to: number): void {
  if (unit.waitsFor !== 'fallback') return
  const { run, plan, cancelling, lastError } = unit
  if (to === unitStates.succeeded) {
    const outputs = run.facts.get(plan.fallback!)?.outputs
    const json = outputs === undefined ? undefined : JSON.stringify(outputs)
    succeed(core, unit, json, undefined, entriesOf(run, plan.fallback!))
  } else if (cancelling !== undefined) cancelled(core, unit, cancelling.why)
  else {
    const why = lastError?.why ?? 'it failed'
    const errorClass = lastError?.errorClass ?? 'transient'
    fail(core, unit, { errorClass, why, exitCode: lastError?.exitCode })
  }
}
