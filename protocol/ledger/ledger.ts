/**
 * The ledger as the rest of the mesh sees it, whatever engine is behind: the embedded Raft log, or
 * one log kept elsewhere. An engine owes three things: entries in one order, the same for all; none
 * lost once it was acknowledged; and the state machine of this folder, applied to them in order.
 *
 * Operating errors are values. A promise rejects only when its signal is aborted.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Command } from './catalogue.ts'
import type { Numbered } from './commands/sessions.ts'
import type { Cursor, LedgerEvent } from './events.ts'
import type { Answer, Query, ValueOf } from './queries.ts'
import type { Result } from './result.ts'

export type LedgerRefusal =
  /** Nothing was proposed. `leader` is who to ask, if known. */
  | { kind: 'refused'; why: 'notLeader'; leader: PeerId | undefined }
  /** Nothing was proposed: too much is on its way already, or the disk is full. Try again later. */
  | { kind: 'refused'; why: 'overloaded' | 'full' }
  /** Nothing was proposed: the command is larger than an entry, or no command. */
  | { kind: 'refused'; why: 'tooLarge' | 'malformed'; detail: string }
  /** Nothing was proposed: it is a person's to decide, and none has signed it. */
  | { kind: 'refused'; why: 'notSigned'; detail: string }
  /** This side of a partition can decide nothing; `reachable` of `needed` voters answer. */
  | { kind: 'refused'; why: 'noQuorum'; reachable: number; needed: number }
  /** This replica has stopped, for good until someone acts. */
  | { kind: 'refused'; why: 'stopped'; because: StopReason }
  /**
   * It was proposed, and nobody knows what came of it: it may yet be applied. With a session the
   * same number may be proposed again; without one, read before you write.
   */
  | { kind: 'unknown'; why: 'timedOut' | 'leaderLost' }

/** Why a replica does not go on. Its state is right as far as it goes. */
export type StopReason =
  /** The mesh was recovered without this host: its copy is void, and it is about to begin anew. */
  | { kind: 'eraPassed'; era: number }
  | { kind: 'ledgerVersionUnsupported'; needs: number; supports: number }
  | { kind: 'diverged'; index: number; ours: string; theirs: string }
  | { kind: 'diskFailed'; message: string }

export type Appended =
  /** Committed and applied. Whether it did what was wanted is for `result` to say. */
  { kind: 'applied'; index: number; result: Result; repeated: boolean } | LedgerRefusal

export interface AppendOptions {
  /** Makes it safe to propose again what became of which is unknown. */
  readonly numbered?: Numbered
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** What a person has signed for it: a leader elsewhere asks for it. */
  readonly proof?: Uint8Array | undefined
}

/**
 * `linearizable`: as of some moment after the question was asked, confirmed by a quorum or within
 * the leader's lease. `local`: as of the last entry applied here, however old that may be, and also
 * on the wrong side of a partition. `{ atLeast }`: local, but not before that entry.
 */
export type Consistency = 'linearizable' | 'local' | { readonly atLeast: number }

export interface ReadOptions {
  readonly consistency: Consistency
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export type ReadOutcome<T> = ({ kind: 'read' } & Answer<T>) | LedgerRefusal

export type Watched =
  | { kind: 'event'; event: LedgerEvent }
  /** Older events are no longer kept: read the state; what follows comes after `readAt`. */
  | { kind: 'gap'; readAt: number }
  /** No more will come. */
  | { kind: 'stopped'; because: StopReason }

/**
 * A turn at leading, from the moment that the leader has applied all that was committed before. It
 * is no lock: for a moment two hosts may both take it for theirs. What the other may not do twice is
 * to be fenced by `term`, which only grows: of two turns, the one with the higher term counts.
 */
export interface Leadership {
  readonly term: number
  /** Where the turn began: state as of this index or later is the leader's own. */
  readonly index: number
  /** Aborts when the turn is over, or can no longer be known to last. It does not come back. */
  readonly over: AbortSignal
  /**
   * Whether it lasts by the clock of now, also when nobody has had the time to say that it is over:
   * to be asked, after any wait, before doing what is not fenced.
   */
  holds(): boolean
}

export interface Candidacy {
  /** Hears of no more turns; for this one, the turn is over. The host may go on leading others. */
  withdraw(): void
}

export interface Ledger {
  append(command: Command, options: AppendOptions): Promise<Appended>
  read<Q extends Query>(query: Q, options: ReadOptions): Promise<ReadOutcome<ValueOf<Q>>>
  /**
   * Everything from the cursor on, then what happens, without a gap and without repetition; `now`
   * begins after the entry applied last. A reader that is too slow for the ring hears of a gap.
   */
  watch(from: Cursor | 'now', signal: AbortSignal): AsyncIterable<Watched>
  /** Calls at each turn of this host, and at once if it has one; each ends before the next begins. */
  lead(onElected: (leadership: Leadership) => void): Candidacy
}
