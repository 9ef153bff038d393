/** What those who ask a voter are told. */
import type { ProposeRefusal } from '../../protocol/consensus/proposing.ts'
import type { ReadRefusal } from '../../protocol/consensus/ready.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'

export type Refusal<Reason extends string> = {
  ok: false
  reason: Reason
  leader: PeerId | undefined
}

export type Outcome<Result> =
  | { ok: true; index: number; results: Result[] }
  /**
   * `superseded`: another leader's entry took the place, so this one never takes effect. `unknown`:
   * a snapshot came that covers it, and what became of it is only in the state.
   */
  | Refusal<ProposeRefusal | 'superseded' | 'unknown' | 'stopped'>

export type ReadOutcome =
  | { ok: true; index: number }
  | Refusal<ReadRefusal | 'backlogFull' | 'stopped'>

export const stoppedRefusal = { ok: false, reason: 'stopped', leader: undefined } as const
