/** What the ledger holds of what was taken back, for those who heed it. */
import { kvRows } from '../../protocol/ledger/kv-rows.ts'
import { revokedNamespace } from '../../protocol/ledger/namespaces.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Revocations } from './revocations.ts'

/** All of it: such rows are few, and come seldom. */
export function heedRevocations(state: LedgerState, revocations: Revocations): void {
  for (const { key, value } of kvRows(state, revokedNamespace, '')) revocations.decided(key, value)
}
