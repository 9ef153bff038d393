/**
 * A node that leads: what it knows of each peer, and what follows from that: what is committed, and
 * whether it still leads. Made anew for each term, so that no answer to an earlier one counts.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { configEntry, leaveJoint } from './config.ts'
import { Heartbeats } from './heartbeats.ts'
import { LeaderReads } from './leader-reads.ts'
import { farewellElections } from './limits.ts'
import { type AppendAnswer, type ChunkAnswer, entryKind, type HeartbeatAnswer } from './messages.ts'
import type { Node } from './node.ts'
import { Progress } from './progress.ts'
import { Replication } from './replication.ts'
import { chunkAnswered } from './snapshot-sender.ts'
import type { Transfer } from './transfer.ts'

const nothing = new Uint8Array(0)

export class Leadership {
  readonly kind = 'leader'
  readonly leader: PeerId
  readonly peers = new Map<PeerId, Progress>()
  readonly heartbeats: Heartbeats
  readonly reads: LeaderReads
  readonly replication: Replication
  transfer: Transfer | undefined = undefined
  /** The first entry of this term, which says nothing: what is before it is committed with it. */
  readonly firstIndex: number
  /** Set when this node should lead no longer; the core sees to it. */
  over: 'quorumLost' | 'removed' | undefined = undefined
  private readonly node: Node
  /** Having slept, it gives the answers that wait in its sockets this long to come in. */
  private graceUntilMs = 0

  constructor(node: Node) {
    this.node = node
    this.leader = node.id
    this.heartbeats = new Heartbeats(node, this.peers)
    this.reads = new LeaderReads(node, this.heartbeats)
    this.replication = new Replication(node, this.peers)
    this.firstIndex = node.log.lastIndex + 1
    this.meetPeers()
    node.append([{ term: node.term, kind: entryKind.noop, data: nothing }])
    this.heartbeats.beat()
  }

  get hasCommittedInTerm(): boolean {
    return this.node.log.commit >= this.firstIndex
  }

  get isSendingSnapshot(): boolean {
    for (const peer of this.peers.values()) if (peer.state === 'snapshot') return true
    return false
  }

  get wakeAtMs(): number {
    const transferMs = this.transfer?.dueMs ?? Number.POSITIVE_INFINITY
    return Math.min(this.heartbeats.dueMs, this.replication.noticeDueMs, transferMs)
  }

  /** The latest configuration has changed: meet who is new, bid farewell to who is not in it. */
  meetPeers(): void {
    const { node, peers } = this
    const { storages } = node.config
    for (const [id, storage] of storages) {
      if (id === node.id) continue
      const peer = peers.get(id)
      if (peer?.storage === storage) peer.leavingUntilMs = undefined
      else {
        const next = node.log.lastIndex + 1
        peers.set(id, new Progress(id, storage, next, node.nowMs, node.limits))
      }
    }
    const farewellMs = farewellElections * node.timing.electionMs
    for (const peer of peers.values())
      if (!storages.has(peer.id)) peer.leavingUntilMs ??= node.nowMs + farewellMs
  }

  tick(lateMs: number): void {
    const { node } = this
    if (this.transfer && node.nowMs >= this.transfer.dueMs) this.endTransfer('timedOut')
    if (node.nowMs < this.heartbeats.dueMs) return
    if (lateMs > node.timing.heartbeatMs) this.graceUntilMs = node.nowMs + node.timing.heartbeatMs
    this.heartbeats.beat()
    if (!this.heartbeats.hearsQuorum() && node.nowMs >= this.graceUntilMs) this.over = 'quorumLost'
  }

  // ── Answers ───────────────────────────────────────────────────────────────────────────────────

  /** The peer that answers, if the answer comes from the disk that it was admitted with. */
  private heard(from: PeerId, storage: number): Progress | undefined {
    const peer = this.peers.get(from)
    if (peer === undefined) return undefined
    if (peer.storage !== storage) {
      this.node.isAdmitted(from, storage)
      return undefined
    }
    peer.heardMs = this.node.nowMs
    return peer
  }

  appendAnswer(from: PeerId, answer: AppendAnswer): void {
    const peer = this.heard(from, answer.storage)
    if (peer !== undefined) this.replication.answered(peer, answer)
  }

  heartbeatAnswer(from: PeerId, answer: HeartbeatAnswer): void {
    const peer = this.heard(from, answer.storage)
    if (peer === undefined) return
    if (!this.heartbeats.answered(peer, answer.round))
      return this.node.misbehaved(from, 'impossibleAnswer')
    this.replication.heartbeatAnswered(peer, answer)
    this.reads.confirm()
  }

  chunkAnswer(from: PeerId, answer: ChunkAnswer): void {
    const peer = this.heard(from, answer.storage)
    if (peer !== undefined) chunkAnswered(this.node, peer, answer)
  }

  /** A follower's read, which it can answer only when it holds what is committed by now. */
  readFor(from: PeerId, id: number): void {
    this.reads.add(from, id)
    this.peers.get(from)?.waitNoLonger(this.node.nowMs)
  }

  // ── What follows ──────────────────────────────────────────────────────────────────────────────

  /** After every input. */
  settle(): void {
    this.commitWhatAQuorumHolds()
    this.carryConfigOn()
    this.transfer?.handOverWhenReady(this)
  }

  /** Before output is taken. */
  flush(): void {
    if (this.hasCommittedInTerm) this.reads.begin()
    this.replication.flush()
    for (const peer of this.peers.values())
      if (this.hasSaidFarewell(peer)) this.peers.delete(peer.id)
  }

  /** Only an entry of this term is committed by counting; those before it, with it (§5.4.2). */
  private commitWhatAQuorumHolds(): void {
    const { log, config, term } = this.node
    const index = config.quorum.reached(this.heldBy)
    if (index > log.commit && log.termAt(index) === term) log.commitTo(index)
  }

  private readonly heldBy = (voter: PeerId): number => {
    const { log, id } = this.node
    return voter === id ? log.persisted : (this.peers.get(voter)?.match ?? 0)
  }

  /** Leaves a joint configuration once it is committed, and this office once it is not for us. */
  private carryConfigOn(): void {
    const { node } = this
    const { config, log } = node
    if (log.commit < config.index || !this.hasCommittedInTerm) return
    if (config.joint) {
      if (this.transfer === undefined) this.appendConfig(leaveJoint(config.config))
    } else if (!config.isStayingVoter(node.id)) this.over = 'removed'
  }

  appendConfig(config: Parameters<typeof configEntry>[0]): void {
    this.node.append([configEntry(config, this.node.term)])
    this.meetPeers()
  }

  private hasSaidFarewell(peer: Progress): boolean {
    if (peer.leavingUntilMs === undefined) return false
    const { index } = this.node.config
    const knows = peer.match >= index && peer.commitTold >= index
    return knows || this.node.nowMs >= peer.leavingUntilMs
  }

  // ── Leaving office ────────────────────────────────────────────────────────────────────────────

  endTransfer(outcome: 'handedOver' | 'timedOut'): void {
    if (this.transfer === undefined) return
    const { target } = this.transfer
    this.transfer = undefined
    this.node.outbox.event({ kind: 'transferEnded', target, outcome })
  }

  /** Tells all what is committed, and the voter that holds most to stand, so that none has to wait. */
  handOver(): void {
    const { node } = this
    this.replication.flush(true)
    let heir: Progress | undefined
    for (const peer of this.peers.values())
      if (node.config.isVoter(peer.id) && peer.match > (heir?.match ?? 0)) heir = peer
    if (heir !== undefined) this.tellToStand(heir.id)
  }

  tellToStand(id: PeerId): void {
    const { node } = this
    this.heartbeats.leaseForfeited = true
    node.outbox.sendNow(id, { kind: 'timeoutNow', value: { term: node.term } })
  }
}
