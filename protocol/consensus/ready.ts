/**
 * What goes in when a core is made, and what comes out of it.
 *
 * What the driver does with a `Ready`, in this order or in parallel, as said:
 * 1. `persist`, if there: start the write, in the order of the numbers, each as one atomic batch;
 *    when it is on the disk for good, call `persisted(number)`. Several may be under way.
 * 2. `send` and `chunks`: at once. They never depend on the write beside them; whatever does is kept
 *    by the core until `persisted`, and comes with a later `Ready`.
 * 3. `apply`, in order, each to its end. It is committed, and safe on this disk.
 * 4. `reads`: answer them from the state after 3. `refusedReads`: refuse them.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Limits, Timing } from './limits.ts'
import type { Position } from './log.ts'
import type { Config, Entry, RaftFrame, SnapshotMeta } from './messages.ts'

/** What must survive, beside the log. Written in the same batch as the entries that go with it. */
export interface HardState {
  term: number
  vote: PeerId | undefined
  /** A lower bound, for a quick start: it is written along with other things, never alone. */
  commit: number
  /** The end of the log as promised to others. More than the log holds: the disk has lost entries. */
  promised: Position
}

/** What the disk gave back, checked by its checksums, up to the first record that was not whole. */
export interface Restored {
  hardState: HardState
  snapshot: SnapshotMeta
  /** What follows the snapshot, without a gap. */
  entries: readonly Entry[]
}

export interface Options {
  readonly id: PeerId
  /**
   * A random number above 0, drawn when the disk was first used and kept on it. A disk that comes
   * back empty, or whose hard state is unreadable, draws another: it is then a stranger with an old
   * name, whose votes and acknowledgements nobody counts until a configuration names the new number.
   */
  readonly storage: number
  readonly timing: Timing
  readonly limits: Limits
}

export interface Envelope {
  readonly to: PeerId
  readonly frame: RaftFrame
}

/** Read these bytes of the snapshot and send them as `chunkFrame(order, bytes)`, or drop the order. */
export interface ChunkOrder {
  readonly to: PeerId
  readonly term: number
  readonly snapshot: SnapshotMeta
  readonly offset: number
  readonly length: number
}

/** A piece of a snapshot, to be kept aside. Offset 0 begins anew: what was kept before is void. */
export interface StagedChunk {
  readonly snapshot: SnapshotMeta
  readonly offset: number
  readonly data: Uint8Array
}

export interface Persist {
  readonly number: number
  /** False: the batch need not be synced, only kept in order with those that are. */
  readonly sync: boolean
  readonly staged: readonly StagedChunk[]
  /** What is staged is whole and true: it becomes the snapshot, and every entry before it goes. */
  readonly snapshot: SnapshotMeta | undefined
  /** Remove every entry from this index on, then write these. */
  readonly firstIndex: number
  readonly entries: readonly Entry[]
  readonly hardState: HardState
}

export type Apply =
  | { readonly kind: 'entries'; readonly firstIndex: number; readonly entries: readonly Entry[] }
  /** Replace the state by the snapshot, which is on this disk by now. */
  | { readonly kind: 'snapshot'; readonly snapshot: SnapshotMeta }

export interface ReadState {
  readonly id: number
  /** The state that is read holds at least this much. */
  readonly index: number
}

export type ReadRefusal = 'notLeader' | 'timedOut'

export interface RefusedRead {
  readonly id: number
  readonly reason: ReadRefusal
}

export type RoleName = 'follower' | 'preCandidate' | 'candidate' | 'leader'

/** For people and metrics; `snapshotDue` alone asks for something. */
export type RaftEvent =
  | { kind: 'role'; role: RoleName; term: number; leader: PeerId | undefined; why: string }
  | { kind: 'config'; index: number; config: Config }
  /** Take a snapshot of the applied state and call `snapshotTaken`. */
  | { kind: 'snapshotDue'; logBytes: number }
  | { kind: 'snapshotRefused'; from: PeerId; index: number }
  | { kind: 'slept'; lateMs: number }
  /** The disk has lost entries that were promised: this node does not stand until it has them back. */
  | { kind: 'recovering'; held: Position; promised: Position }
  | { kind: 'recovered' }
  | { kind: 'transferEnded'; target: PeerId; outcome: 'handedOver' | 'timedOut' }
  /** The mesh was recovered without this node. What it holds is void: stop it, and begin anew. */
  | { kind: 'eraPassed'; peer: PeerId; term: number }
  /** A member answers from a disk that was never admitted. */
  | { kind: 'strangeStorage'; peer: PeerId; storage: number }
  /** What a peer sent cannot be from a peer that keeps the rules. `divergence`: stop and look. */
  | { kind: 'misbehaviour'; peer: PeerId; what: Misbehaviour }

export type Misbehaviour =
  | 'twoLeaders'
  | 'divergence'
  | 'malformedAppend'
  | 'malformedSnapshot'
  | 'impossibleAnswer'

export interface Ready {
  readonly persist: Persist | undefined
  readonly send: readonly Envelope[]
  readonly chunks: readonly ChunkOrder[]
  readonly apply: readonly Apply[]
  readonly reads: readonly ReadState[]
  readonly refusedReads: readonly RefusedRead[]
  readonly events: readonly RaftEvent[]
}

export function chunkFrame(order: ChunkOrder, data: Uint8Array): RaftFrame {
  const { term, snapshot, offset } = order
  return { kind: 'snapshotChunk', value: { term, snapshot, offset, data } }
}

/** What a disk holds that was never used. Founders begin with the same configuration, others without. */
export function blank(founders: Config): Restored {
  return {
    hardState: { term: 0, vote: undefined, commit: 0, promised: { index: 0, term: 0 } },
    snapshot: { index: 0, term: 0, config: founders, bytes: 0, checksum: '' },
    entries: [],
  }
}
