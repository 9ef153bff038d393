/**
 * Linearizable reads at the leader (§6.4 of the dissertation). A read is given the commit index of
 * the moment it is taken up, and answered when a quorum has answered a heartbeat that was sent after
 * that; or at once, under a lease. Neither before an entry of this term is committed: until then the
 * leader does not know what is.
 *
 * Reads that come while a round is under way share the next one.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Heartbeats } from './heartbeats.ts'
import type { Node } from './node.ts'

interface Read {
  readonly id: number
  /** The follower that asks, or this node itself. */
  readonly from: PeerId
}

interface Batch {
  readonly round: number
  readonly index: number
  readonly reads: readonly Read[]
}

export class LeaderReads {
  private waiting: Read[] = []
  private batch: Batch | undefined = undefined
  private readonly node: Node
  private readonly heartbeats: Heartbeats

  constructor(node: Node, heartbeats: Heartbeats) {
    this.node = node
    this.heartbeats = heartbeats
  }

  get size(): number {
    return this.waiting.length + (this.batch?.reads.length ?? 0)
  }

  add(from: PeerId, id: number): void {
    this.waiting.push({ from, id })
  }

  underLease(id: number): boolean {
    const { node } = this
    if (node.nowMs >= this.heartbeats.leaseUntilMs()) return false
    node.outbox.confirmedReads.push({ id, index: node.log.commit })
    return true
  }

  /** Takes up what waits, unless a round is under way for others. */
  begin(): void {
    if (this.batch !== undefined || this.waiting.length === 0) return
    this.heartbeats.beat()
    const { round } = this.heartbeats
    this.batch = { round, index: this.node.log.commit, reads: this.waiting }
    this.waiting = []
    this.confirm()
  }

  /** Some peer has answered a heartbeat. */
  confirm(): void {
    const { batch } = this
    if (batch === undefined || this.heartbeats.roundReached() < batch.round) return
    this.batch = undefined
    for (const read of batch.reads) this.answer(read, batch.index)
  }

  /** No longer leader: nothing here can be confirmed. */
  end(): void {
    const reads = [...(this.batch?.reads ?? []), ...this.waiting]
    this.batch = undefined
    this.waiting = []
    for (const read of reads) this.answer(read, undefined)
  }

  private answer({ from, id }: Read, index: number | undefined): void {
    const { outbox, term, id: self } = this.node
    if (from === self) {
      if (index === undefined) outbox.refusedReads.push({ id, reason: 'notLeader' })
      else outbox.confirmedReads.push({ id, index })
      return
    }
    const value = index === undefined ? { term, id } : { term, id, index }
    outbox.sendAfterTerm(from, { kind: 'readAnswer', value })
  }
}
