/** What the ledger holds of what was taken back, for those who heed it. */

import { revokedNamespace } from '../../protocol/ledger/namespaces.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Revocations } from './revocations.ts'

/** All of it: such rows are few, and come seldom. */
export function heedRevocations(state: LedgerState, revocations: Revocations): void {
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const from = after === undefined ? {} : { after }
    const query = { kind: 'kvList' as const, namespace: revokedNamespace, prefix: '', ...from }
    const { items, next } = read(state, query).value
    for (const { key, value } of items) revocations.decided(key, value)
    after = next
  }
}
