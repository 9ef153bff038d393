/** What stands on the log: told each committed entry once, in order, and able to be copied. */
import type { Entry, SnapshotMeta } from '../../protocol/consensus/messages.ts'

export interface StateMachine<Result> {
  /** One result for each entry. Never throws for what an entry says. */
  apply(firstIndex: number, entries: readonly Entry[]): Result[]
  /** Replaces the whole state. Rejects when the parts do not make one. */
  restore(snapshot: SnapshotMeta, parts: AsyncIterable<Uint8Array>): Promise<void>
  /** The state as it is now, whatever is applied while it is being read. */
  copy(): Iterable<Uint8Array>
}
