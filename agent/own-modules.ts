/** What an agent does by itself, as modules that start, fail and restart on their own. */

import type { Releasing } from './artifacts/releasing.ts'
import type { ArtifactStore } from './artifacts/store.ts'
import type { HeadKeeper } from './audit/head-keeper.ts'
import type { EmergencyStop } from './estop/service.ts'
import type { RunHistory } from './history/history.ts'
import type { Learning } from './learning/learning.ts'
import type { LedgerReporter } from './ledger/reporter.ts'
import type { LedgerService } from './ledger/service.ts'
import type { ModuleSpec } from './modules/module.ts'
import type { HostWatch } from './telemetry/host-watch.ts'
import type { Sampler } from './telemetry/sampler.ts'
import type { LogCopies } from './work/logs/log-copies.ts'
import type { WorkDesk } from './work/work-desk.ts'

export interface OwnParts {
  readonly sampler: Sampler
  readonly watch: HostWatch
  readonly ledger: LedgerService
  readonly ledgerReporter: LedgerReporter
  readonly artifacts: ArtifactStore
  readonly learning: Learning
  readonly releasing: Releasing
  readonly logCopies: LogCopies
  readonly work: WorkDesk
  readonly estop: EmergencyStop
  readonly auditHeads: HeadKeeper
  readonly history: RunHistory
  /** What the newest sample says of this host, to all. */
  reportLoad(): void
  /** Whom results go to may be another by now. */
  followLeader(): void
}

export function ownModules(parts: OwnParts): ModuleSpec[] {
  const { sampler, watch, ledger, ledgerReporter, artifacts, learning, releasing } = parts
  const { logCopies, work, estop, auditHeads, history } = parts
  return [
    {
      name: 'telemetry',
      priority: 1,
      needs: [],
      start: async () => {
        await watch.start()
        await sampler.start()
      },
      stop: async () => {
        await sampler.stop()
        await watch.stop()
      },
    },
    {
      name: 'load',
      priority: 2,
      needs: ['telemetry'],
      start: () => {
        sampler.onSample = (reading) => {
          watch.sampled(reading)
          parts.reportLoad()
        }
        parts.reportLoad()
      },
      stop: () => {
        sampler.onSample = () => {}
      },
    },
    {
      name: 'ledger',
      priority: 3,
      needs: [],
      start: async (_, handle) => {
        await ledger.start()
        ledgerReporter.start(handle)
      },
      stop: async () => {
        ledgerReporter.stop()
        await ledger.stop()
      },
    },
    {
      name: 'artifacts',
      priority: 4,
      needs: [],
      start: () => artifacts.start(),
      stop: () => artifacts.stop(),
    },
    learning.module(),
    {
      name: 'pins',
      priority: 6,
      needs: ['ledger', 'artifacts'],
      start: () => releasing.start(),
      stop: () => releasing.stop(),
    },
    {
      name: 'work',
      priority: 4,
      needs: ['artifacts'],
      start: async () => {
        await logCopies.start()
        await work.start()
        estop.workTakenUp()
        parts.followLeader()
      },
      stop: async () => {
        await work.stop()
        await logCopies.stop()
      },
    },
    {
      name: 'audit-heads',
      priority: 6,
      needs: [],
      start: () => auditHeads.start(),
      stop: () => auditHeads.stop(),
    },
    {
      name: 'history',
      priority: 5,
      needs: ['ledger'],
      start: (_, handle) => history.start(handle),
      stop: () => history.stop(),
    },
  ]
}
