/**
 * Who this node is in its term: follower, candidate or leader, and how it becomes the next. One role
 * at a time, made anew at each change, so that nothing of one is left over in another.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { Candidacy } from './candidacy.ts'
import { Follower } from './follower.ts'
import { Leadership } from './leadership.ts'
import type { Node } from './node.ts'

export type Role = Follower | Candidacy | Leadership

export class Office {
  readonly node: Node
  role: Role
  private hasWaited = false

  constructor(node: Node) {
    this.node = node
    this.role = new Follower(node, undefined)
  }

  /**
   * A host that slept finds the leader's heartbeats in its sockets after its own timer. It gives
   * them a moment, once, before it takes the leader for dead.
   */
  waitsForNewsAfter(lateMs: number): boolean {
    const { node } = this
    if (lateMs <= node.timing.electionMs / 2 || this.hasWaited) {
      this.hasWaited = false
      return false
    }
    this.hasWaited = true
    node.electionDueMs = node.nowMs + node.timing.heartbeatMs
    return true
  }

  standOrNot(): void {
    if (this.node.isElectable) this.stand('preCandidate', false, 'no leader heard')
    else if (this.role.kind !== 'follower') this.follow(undefined, 'may not stand')
    else this.node.drawElectionDue()
  }

  stand(kind: 'preCandidate' | 'candidate', handover: boolean, why: string): void {
    const candidacy = new Candidacy(this.node, kind, handover)
    this.take(candidacy)
    candidacy.ask()
    this.tell(why)
    this.weigh(candidacy)
  }

  weigh(candidacy: Candidacy): void {
    const outcome = candidacy.outcome()
    if (outcome === 'lost') this.follow(undefined, 'not elected')
    else if (outcome === 'won') {
      if (candidacy.kind === 'preCandidate') this.stand('candidate', false, 'would be elected')
      else this.become(new Leadership(this.node), 'elected')
    }
  }

  follow(leader: PeerId | undefined, why: string): void {
    const wasLeader = this.role.kind === 'leader'
    this.become(new Follower(this.node, leader), why)
    if (wasLeader) this.node.drawElectionDue()
  }

  private become(role: Role, why: string): void {
    this.take(role)
    this.tell(why)
  }

  private take(role: Role): void {
    const before = this.role
    this.role = role
    if (before.kind === 'leader') {
      before.endTransfer('handedOver')
      before.reads.end()
    } else if (before.kind === 'follower') before.reads.end()
  }

  /** Once it is in the term that it has the role for. */
  private tell(why: string): void {
    const { role, node } = this
    const { kind, leader } = role
    node.outbox.event({ kind: 'role', role: kind, term: node.term, leader, why })
  }

  /** It has a leader, or is one, and does not help to depose it: a lease may count on that. */
  get isLoyal(): boolean {
    return this.role.kind === 'leader' || this.node.isBoundToLeader
  }

  /** The sender speaks as leader of this term: follow it. */
  following(leader: PeerId): Follower | undefined {
    const { role, node } = this
    if (role.kind === 'leader' || (role.leader !== undefined && role.leader !== leader)) {
      node.misbehaved(leader, 'twoLeaders')
      return undefined
    }
    if (role.leader === undefined) this.follow(leader, 'a leader')
    const follower = this.role as Follower
    follower.heardLeader()
    this.hasWaited = false
    return follower
  }
}
