/** Which secrets a workflow names that the mesh has not: told by its plan, and reason to refuse its run. */
import { kvRow } from '../../protocol/ledger/kv-rows.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { NAMESPACE, VALUE_PREFIX } from './wire.ts'

/** Each once, in order. */
export function secretsNamed({ secrets, stages }: Pick<Workflow, 'secrets' | 'stages'>): string[] {
  const all = [secrets, ...stages.map((stage) => stage.secrets)].flatMap((each) =>
    Object.values(each).map(({ name }) => name),
  )
  return [...new Set(all)].sort()
}

export function secretsMissing(state: LedgerState, names: readonly string[]): string[] {
  return names.filter((name) => kvRow(state, NAMESPACE, VALUE_PREFIX + name) === undefined)
}
