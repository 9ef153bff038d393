/**
 * How runs are let in by their groups. A run that is let in begins only when the ledger has that: a
 * stop may be there before it, and then it was never let in, and nothing of it comes about, not even
 * stages that come to nothing.
 */
import { stopModes } from '../../../protocol/work/states.ts'
import type { Core } from './core.ts'
import type { Review, Terms } from './groups.ts'
import { beginRun, cancelAll } from './phases.ts'
import type { Run } from './run.ts'

function termsOf({ spec }: Run): Terms | undefined {
  const { group, name } = spec
  if (group === undefined) return undefined
  const { key, limit } = group
  const policy = group.policy as Terms['policy']
  return { name: policy === 'roundRobin' ? `turns ${name}` : `key ${key}`, key, limit, policy }
}

export function enterGroup(core: Core, run: Run): void {
  const terms = termsOf(run)
  if (terms === undefined) return
  if (run.state !== 'queued') core.runGroups.hold(run, terms)
  else if (run.stop === stopModes.none) applyRunReview(core, core.runGroups.ask(run, terms))
  else core.later({ kind: 'endQueued', run })
}

export function applyRunReview(core: Core, { admit, stop }: Review<Run>): void {
  for (const run of admit) {
    if (run.isFrozen || run.phase !== 'queued') continue
    core.outbox.push(run, { kind: 'admitted', value: {} }, 0)
    run.phase = 'admitted'
  }
  for (const run of stop) {
    const group = `concurrency group ${run.spec.group?.key ?? ''}`
    // Whoever waits gives way to a newer one, too, where the newest counts.
    const why =
      run.spec.group?.policy === 'cancelRunning'
        ? `a newer run of its ${group} takes its place`
        : `its ${group} is full, and has no place for it`
    core.later({ kind: 'stop', run, mode: 'cancel', why })
  }
}

/** That it was let in is in the ledger. */
export function admitted(core: Core, run: Run): void {
  if (run.phase !== 'admitted' || core.runs.get(run.id) !== run) return
  run.state = 'running'
  takeUp(core, run)
}

/** A run that the ledger says is running, from its beginning; or its stop, if that came before. */
export function takeUp(core: Core, run: Run): void {
  if (run.stop === stopModes.none) {
    beginRun(core, run)
    return
  }
  run.phase = 'stages'
  cancelAll(core, run)
}
