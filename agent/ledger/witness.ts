/**
 * Somebody who looks over the shoulder of a ledger and takes no part in it: the simulator, whose
 * checkers compare what the hosts hold.
 */
import type { LogView } from '../../protocol/consensus/log.ts'
import type { Entry } from '../../protocol/consensus/messages.ts'
import type { RaftEvent, Ready } from '../../protocol/consensus/ready.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'

export interface LedgerWitness {
  /** The ledger begins again from what its disk holds. */
  started(): void
  /** The voter is about to do this; its log is as it will be then. */
  follows(ready: Ready, log: LogView): void
  heard(event: RaftEvent): void
  /** `state`: after the last of them. */
  applied(firstIndex: number, entries: readonly Entry[], state: LedgerState): void
  /** The state came from a snapshot, at the start or from the leader. */
  restored(state: LedgerState): void
}
