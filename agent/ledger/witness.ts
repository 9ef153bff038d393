/**
 * Somebody who looks over the shoulder of a ledger and takes no part in it: the simulator, whose
 * checkers compare what the hosts hold.
 */
import type { Entry } from '../../protocol/consensus/messages.ts'
import type { RaftEvent } from '../../protocol/consensus/ready.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'

export interface LedgerWitness {
  /** The ledger begins again from what its disk holds. */
  started(): void
  heard(event: RaftEvent): void
  /** `state`: after the last of them. */
  applied(firstIndex: number, entries: readonly Entry[], state: LedgerState): void
  /** The state came from a snapshot, at the start or from the leader. */
  restored(state: LedgerState): void
}
