/** What is alive of attempts on a machine: processes are known by their environment. */
import type { UnitView } from '../../../protocol/ledger/work-view.ts'
import { attemptKey, taskKey } from '../../../protocol/work/fence.ts'
import type { Host } from '../../world/host.ts'

export interface Left {
  readonly attempt: string
  readonly task: string
  readonly run: string
}

export function leftOf(host: Host): Left[] {
  const left: Left[] = []
  for (const { env } of host.processTable.marked('SKEIN_RUN', () => true)) {
    const { SKEIN_RUN: run = '', SKEIN_STAGE: stage = '', SKEIN_ITEM: item, SKEIN_ATTEMPT: n } = env
    const unit = { run, stage, ...(item === undefined ? {} : { item: Number(item) }) }
    const id = { ...unit, attempt: Number(n) }
    left.push({ attempt: attemptKey(id), task: taskKey(id), run })
  }
  return left
}

/** It ended so in the run that this one does again. */
export function adopts({ adopted }: UnitView): boolean {
  return adopted === true
}
