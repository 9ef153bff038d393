/**
 * The leader's pulse. Rounds of heartbeats are numbered within a term; the answers tell which
 * rounds a quorum has heard, and so until when no other leader can be elected (the lease) and that
 * none has been (the confirmation of reads).
 */
import type { PeerId } from '../identity/peer-id.ts'
import { roundsKept } from './limits.ts'
import type { Node } from './node.ts'
import type { Progress } from './progress.ts'

export class Heartbeats {
  dueMs: number
  round = 0
  /**
   * A voter was told to stand at once: from here on, a vote may be given in spite of the lease, so
   * there is none for the rest of the term.
   */
  leaseForfeited = false
  private readonly sentMs: number[] = []
  private readonly node: Node
  private readonly peers: ReadonlyMap<PeerId, Progress>

  constructor(node: Node, peers: ReadonlyMap<PeerId, Progress>) {
    this.node = node
    this.peers = peers
    this.dueMs = node.nowMs
  }

  beat(): void {
    const { nowMs, term, log, outbox, timing } = this.node
    this.round++
    this.sentMs[this.round % roundsKept] = nowMs
    this.dueMs = nowMs + timing.heartbeatMs
    const value = { term, commit: log.commit, round: this.round }
    for (const peer of this.peers.values()) {
      outbox.sendNow(peer.id, { kind: 'heartbeat', value })
      if (peer.state === 'replicate') peer.commitTold = log.commit
    }
  }

  /** False for a round that was never sent. */
  answered(peer: Progress, round: number): boolean {
    if (round > this.round) return false
    if (round > peer.round) {
      peer.round = round
      if (round > this.round - roundsKept)
        peer.roundSentMs = this.sentMs[round % roundsKept] as number
    }
    return true
  }

  /** The newest round that a quorum has heard. */
  roundReached(): number {
    const { config, id } = this.node
    return config.quorum.reached((voter) =>
      voter === id ? this.round : (this.peers.get(voter)?.round ?? 0),
    )
  }

  /**
   * Until when, by this host's clock, no other leader can have been elected. A quorum was heard no
   * earlier than the round was sent, and keeps still for `electionMs` by clocks that may run fast
   * while ours runs slow.
   */
  leaseUntilMs(): number {
    if (this.leaseForfeited) return Number.NEGATIVE_INFINITY
    const { electionMs, clockDriftMax } = this.node.timing
    const heardMs = this.reachedMs(({ roundSentMs }) => roundSentMs)
    return heardMs + (electionMs * (1 - clockDriftMax)) / (1 + clockDriftMax)
  }

  /** Until when a quorum has been heard, of anything, within `electionMs`. */
  hearsQuorumUntilMs(): number {
    return this.reachedMs(({ heardMs }) => heardMs) + this.node.timing.electionMs
  }

  hearsQuorum(): boolean {
    return this.node.nowMs <= this.hearsQuorumUntilMs()
  }

  /** The latest time that the times of a quorum have reached; the leader's own is always now. */
  private reachedMs(of: (peer: Progress) => number): number {
    const { config, id, nowMs } = this.node
    return config.quorum.reached((voter) => {
      if (voter === id) return nowMs
      const peer = this.peers.get(voter)
      return peer === undefined ? Number.NEGATIVE_INFINITY : of(peer)
    })
  }
}
