/** From what a ledger failed with to what people and callers are told. */
import type { StopReason } from '../../protocol/ledger/ledger.ts'
import { DiskError } from '../../protocol/ports/disk.ts'
import { EraPassed } from '../consensus/failures.ts'
import { StateDiverged } from './divergence.ts'
import { LedgerTooNew } from './replica.ts'

export function stopReasonOf(error: unknown): StopReason {
  if (error instanceof LedgerTooNew) {
    const { needs, supports } = error
    return { kind: 'ledgerVersionUnsupported', needs, supports }
  }
  if (error instanceof EraPassed) return { kind: 'eraPassed', era: error.era }
  if (error instanceof StateDiverged) return error.divergence
  const message = error instanceof DiskError ? `${error.code}: ${error.message}` : String(error)
  return { kind: 'diskFailed', message }
}
