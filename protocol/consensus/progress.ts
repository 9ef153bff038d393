/**
 * What the leader knows of one peer's log, and how fast it may send to it.
 *
 * Invariant: 0 ≤ match < next ≤ last + 1, and `match` is only ever what the peer has acknowledged in
 * this term, never what was sent.
 * - `probe`: not known where the logs meet; one append at a time.
 * - `replicate`: they have met; appends are sent ahead of their answers, within the window.
 * - `snapshot`: the peer needs what is no longer in the log; chunks instead of appends.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { Inflights } from './inflights.ts'
import type { Limits } from './limits.ts'
import type { SnapshotMeta } from './messages.ts'

export type ProgressState = 'probe' | 'replicate' | 'snapshot'

/** A snapshot on its way. Invariant: acked ≤ sent ≤ snapshot.bytes. */
export interface Sending {
  readonly snapshot: SnapshotMeta
  acked: number
  sent: number
  /** The last chunk was sent. Tells an empty snapshot that is on its way from one that is not. */
  complete: boolean
  /** When a gap was last made good. */
  gapMs: number
  /** `acked` at the last heartbeat answer: the same at the next means that chunks were lost. */
  ackedAtBeat: number
}

export class Progress {
  readonly id: PeerId
  /** The disk that its answers must come from. */
  readonly storage: number
  state: ProgressState = 'probe'
  match = 0
  next: number
  /** When it was last heard, of anything. */
  heardMs: number
  /** The newest heartbeat that it has answered, and when that one was sent: its part of the lease. */
  round = 0
  roundSentMs = Number.NEGATIVE_INFINITY
  /** The commit index that it was last told. */
  commitTold = 0
  /** When it is told of a later one in a frame of its own, unless another carries it before. */
  noticeDueMs = Number.POSITIVE_INFINITY
  /** When entries that it lacks go to it, though its answer is not needed. */
  spareDueMs = Number.POSITIVE_INFINITY
  /** In `probe`: an append is on its way and the next waits for news. */
  probeSent = false
  readonly inflights: Inflights
  /** `match` at the last heartbeat answer: the same at the next, with appends out, means a loss. */
  matchAtBeat = -1
  sending: Sending | undefined = undefined
  /** It is no longer a member, and is told so until then. */
  leavingUntilMs: number | undefined = undefined

  constructor(id: PeerId, storage: number, next: number, nowMs: number, limits: Limits) {
    this.id = id
    this.storage = storage
    this.next = next
    this.heardMs = nowMs
    this.inflights = new Inflights(limits.inflightAppendsMax, limits.inflightBytesMax)
  }

  becomeProbe(): void {
    this.next = this.match + 1
    this.state = 'probe'
    this.probeSent = false
    this.sending = undefined
    this.inflights.clear()
  }

  becomeReplicate(): void {
    this.next = this.match + 1
    this.state = 'replicate'
    this.probeSent = false
    this.sending = undefined
    this.inflights.clear()
  }

  becomeSnapshot(snapshot: SnapshotMeta): void {
    this.state = 'snapshot'
    this.inflights.clear()
    this.sending = {
      snapshot,
      acked: 0,
      sent: 0,
      complete: false,
      gapMs: Number.NEGATIVE_INFINITY,
      ackedAtBeat: -1,
    }
  }

  /** What it lacks goes to it with the next output, though its answer is not needed. */
  waitNoLonger(nowMs: number): void {
    this.spareDueMs = Math.min(this.spareDueMs, nowMs)
  }

  /** True when it was news. */
  acknowledged(index: number): boolean {
    if (this.next <= index) this.next = index + 1
    if (index <= this.match) return false
    this.match = index
    return true
  }

  /** The peer refused to continue at `prevIndex`; the logs may meet before `nextProbe`. */
  refused(prevIndex: number, nextProbe: number): void {
    if (this.state === 'replicate') {
      // What it has acknowledged it cannot refuse: an answer from before.
      if (prevIndex > this.match) this.becomeProbe()
    } else if (this.state === 'probe' && this.next - 1 === prevIndex) {
      this.next = Math.max(Math.min(prevIndex, nextProbe), this.match + 1)
      this.probeSent = false
    }
  }

  /** The peer's disk has lost what it had acknowledged: all beyond `index` has to be sent again. */
  lost(index: number): void {
    this.match = Math.min(this.match, index)
    this.becomeProbe()
  }
}
