/**
 * Runs of which something was dropped: the ledger sees them otherwise than they are seen here, and
 * the ledger is right. Nothing more is said of such a run, and when all that was said of it has come
 * back it is read anew.
 */
import type { Dropped } from '../../../protocol/ledger/result.ts'
import type { Core } from './core.ts'
import { schedulerTimes } from './limits.ts'
import type { Run } from './run.ts'

export class Surprises {
  private readonly core: Core
  private readonly frozen = new Set<Run>()

  constructor(core: Core) {
    this.core = core
  }

  freeze(run: Run, { code }: Dropped): void {
    if (run.isFrozen) return
    const { core } = this
    run.isFrozen = true
    this.frozen.add(run)
    core.outbox.abandon(run)
    for (const unit of run.units.values()) {
      core.ready.remove(unit)
      for (const item of unit.items?.live.values() ?? []) core.ready.remove(item)
    }
    const count = (core.drops.get(run.id) ?? 0) + 1
    core.drops.set(run.id, count)
    // What was dropped for lack of room, or twice in a row, may be so again.
    const isStubborn = code === 'full' || code === 'tooLarge' || count > 1
    run.reloadAtMs = core.nowMs + (isStubborn ? schedulerTimes.dropPauseMs : 0)
  }

  reloadQuiet(): void {
    const { core } = this
    for (const run of this.frozen) {
      if (!core.outbox.isQuiet(run)) continue
      this.frozen.delete(run)
      if (core.runs.get(run.id) === run) core.reloads.set(run.id, run.reloadAtMs)
    }
  }
}
