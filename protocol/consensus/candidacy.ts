/**
 * A node that stands. First it asks whether it would be voted for (pre-vote), which changes nothing
 * for anybody; then it enters the next term and asks for votes. Its own vote counts when it is on
 * its disk, like everybody else's, and its requests leave no earlier: a restart can then neither
 * vote again in that term nor win with votes given for a log that it no longer has.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { termAfter } from './era.ts'
import type { RaftFrame } from './messages.ts'
import type { Node } from './node.ts'
import type { VoteOutcome } from './quorum.ts'

export class Candidacy {
  readonly kind: 'preCandidate' | 'candidate'
  /** The leader asked for it: voters need not wait until its lease is over. */
  readonly handover: boolean
  readonly leader = undefined
  private readonly node: Node
  private readonly votes = new Map<PeerId, boolean>()

  constructor(node: Node, kind: 'preCandidate' | 'candidate', handover: boolean) {
    this.node = node
    this.kind = kind
    this.handover = handover
  }

  ask(): void {
    const { node } = this
    const { index, term } = node.log.end
    const position = { lastIndex: index, lastTerm: term }
    node.drawElectionDue()
    if (this.kind === 'preCandidate') {
      const value = { term: termAfter(node.term), ...position }
      this.votes.set(node.id, true)
      return this.toOthers({ kind: 'preVoteRequest', value })
    }
    node.enterTerm(termAfter(node.term))
    node.voteFor(node.id)
    const { storage } = node
    const own = { term: node.term, storage, granted: true }
    node.outbox.sendAfterLog(node.id, { kind: 'voteAnswer', value: own })
    const value = { term: node.term, ...position, handover: this.handover }
    this.toOthers({ kind: 'voteRequest', value })
  }

  /** The first answer of a voter stands. */
  count(from: PeerId, granted: boolean): VoteOutcome {
    if (!this.votes.has(from)) this.votes.set(from, granted)
    return this.outcome()
  }

  outcome(): VoteOutcome {
    return this.node.config.quorum.outcome(this.votes)
  }

  private toOthers(frame: RaftFrame): void {
    const { id, outbox, config } = this.node
    for (const voter of config.voterIds) if (voter !== id) outbox.sendAfterLog(voter, frame)
  }
}
