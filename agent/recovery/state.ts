/** The ledger that a log makes, to its very end: whether there is one, and which. Changes nothing. */
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import type { Held } from '../consensus/look.ts'
import { ConsensusStore, SnapshotDamaged } from '../consensus/store.ts'
import { verified } from '../consensus/verified.ts'
import { LedgerTooNew, Replica } from '../ledger/replica.ts'

export type Rebuilt = { ok: true; state: LedgerState } | { ok: false; why: string }

/** Also of entries that are not committed: in a recovery they will be. */
export async function rebuild(disk: Disk, held: Held): Promise<Rebuilt> {
  const { snapshot, entries, damage } = held
  if (damage.includes('snapshot')) return { ok: false, why: 'its snapshot cannot be read' }
  const replica = new Replica()
  try {
    if (snapshot && snapshot.index > 0) {
      const parts = ConsensusStore.over(disk, held).readSnapshot()
      await replica.restore(snapshot, verified(snapshot, parts))
    }
    replica.apply((snapshot?.index ?? 0) + 1, entries)
    return { ok: true, state: replica.state }
  } catch (error) {
    if (error instanceof SnapshotDamaged) return { ok: false, why: 'its snapshot is not whole' }
    if (error instanceof LedgerTooNew) return { ok: false, why: error.message }
    throw error
  }
}
