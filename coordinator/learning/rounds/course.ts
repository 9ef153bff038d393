/** What a round of one family of models asks of hosts, and what can come of it; `drive.ts` does the rest. */
import type { RoundStep } from '../../../agent/learning/round/wire.ts'
import type { Losses } from '../../../models/federation/rounds/votes.ts'
import type { GrownTree } from '../../../models/federation/trees/structure.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Candidate } from './candidates.ts'

/** What a version is made of. */
export type Made =
  | { readonly family: 'net'; readonly parameters: Float32Array }
  | { readonly family: 'trees'; readonly trees: readonly GrownTree[] }

/** Where hosts can have it from; or why it cannot be kept, or is no model. */
export type Kept = { ok: true; hash: string } | { ok: false; why: string }

/** What came of one half, or of all. */
export type Summed =
  | { readonly ok: true; readonly summed: readonly PeerId[] }
  /** `isSpoiled`: of what somebody in it gave; by a lie nobody can say whose. */
  | { readonly ok: false; readonly why: string; readonly isSpoiled?: boolean }

export interface Groups {
  /** Who was summed with whom. */
  readonly groups: readonly (readonly PeerId[])[]
  /** Of each. */
  readonly summed: readonly Summed[]
}

export type Candidates =
  | {
      readonly ok: true
      /** What came of all together first. */
      readonly candidates: readonly Candidate[]
      /** Of updates, where there are some. */
      readonly usualLength?: number
    }
  /** `rejected`: something came of it, and none of it is any better than what there was. */
  | { readonly ok: false; readonly why: string; readonly state: 'failed' | 'rejected' }

export interface Chosen {
  readonly candidate: Candidate
  /** Why it is not kept, whatever else hosts say of it. */
  readonly why?: string
}

export interface Course {
  readonly invitation: Extract<RoundStep, { kind: 'invite' | 'inviteTrees' }>
  /** Whether hosts train before anything is summed. */
  readonly trains: boolean
  summed(groups: readonly (readonly PeerId[])[]): Promise<Groups>
  /** Each where hosts can have it. */
  candidates(): Promise<Candidates>
  ballot(candidates: readonly Candidate[]): Extract<RoundStep, { kind: 'vote' | 'voteTrees' }>
  chosen(candidates: readonly Candidate[], before: Losses, liars: number): Chosen
}
