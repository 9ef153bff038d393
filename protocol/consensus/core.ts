/**
 * Raft as a state machine: feed it messages, the time, proposals and what the disk has confirmed;
 * take out what to write, send, apply and answer. It owns no clock, disk, socket or promise, and the
 * same inputs give the same outputs.
 *
 * What the driver must do: give every input the time at which it is handled, on a clock that never
 * goes back; after inputs call `takeReady` until it is undefined, doing what ready.ts says; and call
 * `tick` at what `wakeAtMs` is then, or later. Messages may be lost, doubled and reordered.
 */
import { assert } from '../assert.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { Entropy } from '../ports/entropy.ts'
import { voteAnswered } from './ballot.ts'
import type { Target } from './config.ts'
import { take } from './inbox.ts'
import { assertLimits } from './limits.ts'
import type { LogView } from './log.ts'
import type { Config, RaftFrame, SnapshotMeta } from './messages.ts'
import { Node } from './node.ts'
import { Office, type Role } from './office.ts'
import { nothing } from './outbox.ts'
import {
  type Appended,
  type Proposal,
  type ProposeRefusal,
  propose,
  type ReconfigureRefusal,
  type Refused,
  reconfigure,
  type TransferRefusal,
} from './proposing.ts'
import type { Apply, Options, ReadRefusal, Ready, Restored } from './ready.ts'
import { type RaftStatus, statusOf } from './status.ts'
import { Transfer } from './transfer.ts'

/** `safe` is always right. `lease` asks nobody, and is right while clocks keep to `clockDriftMax`. */
export type ReadMode = 'safe' | 'lease'

/** What a leader may think of itself. */
export interface Tenure {
  readonly term: number
  /** Its first entry. Once that is applied, so is everything that was committed before its term. */
  readonly firstIndex: number
  /**
   * So far a quorum lets it, by having been heard: beyond, another may have been elected without its
   * knowledge. No lease: where `hasteMs` is given, one may have been before.
   */
  readonly untilMs: number
  readonly handsOver: boolean
}

export class Raft {
  private readonly node: Node
  private readonly office: Office

  constructor(options: Options, restored: Restored, entropy: Entropy, nowMs: number) {
    assertLimits(options.limits, options.timing)
    this.node = new Node(options, restored, entropy, nowMs)
    this.office = new Office(this.node)
  }

  get leads(): boolean {
    return this.role.kind === 'leader'
  }

  get term(): number {
    return this.node.term
  }

  /** The newest that it knows, in force from its entry on. Another object after each change. */
  get config(): Config {
    return this.node.config.config
  }

  get commit(): number {
    return this.node.log.commit
  }

  get leader(): PeerId | undefined {
    return this.role.leader
  }

  /** When the leader was heard last; long ago or never, and the leader is only a memory. */
  get leaderHeardMs(): number {
    return this.node.leaderHeardMs
  }

  /** Undefined unless it leads. */
  get tenure(): Tenure | undefined {
    const { role, node } = this
    if (role.kind !== 'leader') return undefined
    const { firstIndex, heartbeats, transfer } = role
    const untilMs = heartbeats.hearsQuorumUntilMs()
    return { term: node.term, firstIndex, untilMs, handsOver: transfer !== undefined }
  }

  /** For whoever looks on. */
  get log(): LogView {
    return this.node.log
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────

  /** When `tick` has something to do, unless other inputs come first. */
  get wakeAtMs(): number {
    const { role, node } = this
    if (role.kind === 'leader') return role.wakeAtMs
    const standMs =
      this.node.isElectable || role.kind !== 'follower' ? node.electionDueMs : Infinity
    return role.kind === 'follower' ? Math.min(standMs, role.reads.dueMs) : standMs
  }

  tick(nowMs: number): void {
    const lateMs = nowMs - this.wakeAtMs
    this.setTime(nowMs)
    const { node, office } = this
    const { role } = office
    if (lateMs > node.timing.electionMs / 2) node.outbox.event({ kind: 'slept', lateMs })
    if (role.kind === 'leader') role.tick(lateMs)
    else {
      if (role.kind === 'follower') role.reads.expire()
      if (nowMs >= node.electionDueMs && !office.waitsForNewsAfter(lateMs)) office.standOrNot()
    }
    this.settle()
  }

  private setTime(nowMs: number): void {
    assert(nowMs >= this.node.nowMs, 'time never goes back', { nowMs, before: this.node.nowMs })
    this.node.nowMs = nowMs
  }

  private get role(): Role {
    return this.office.role
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────

  /** `from` is who the transport says it is. Never throws, whatever was sent. */
  receive(from: PeerId, frame: RaftFrame, nowMs: number): void {
    this.setTime(nowMs)
    take(this.office, from, frame)
    this.settle()
  }

  // ── Requests ──────────────────────────────────────────────────────────────────────────────────

  /** All of them, or none. */
  propose(proposals: readonly Proposal[], nowMs: number): Appended | Refused<ProposeRefusal> {
    this.setTime(nowMs)
    const { role, node } = this
    if (role.kind !== 'leader') return this.refusal('notLeader')
    return propose(node, role, proposals)
  }

  /** `basedOn`: where the configuration stands in the log that the change was made from. */
  reconfigure(
    target: Target,
    basedOn: number,
    nowMs: number,
  ): Appended | Refused<ReconfigureRefusal> {
    this.setTime(nowMs)
    const { role, node } = this
    if (role.kind !== 'leader') return this.refusal('notLeader')
    return reconfigure(node, role, target, basedOn)
  }

  /** Begins to hand the lead over; `transferEnded` tells how it went. */
  transfer(target: PeerId, nowMs: number): { ok: true } | Refused<TransferRefusal> {
    this.setTime(nowMs)
    const { role, node } = this
    if (role.kind !== 'leader') return this.refusal('notLeader')
    if (role.transfer !== undefined) return this.refusal('transferring')
    const peer = role.peers.get(target)
    if (peer === undefined || !node.config.isStayingVoter(target)) return this.refusal('notVoter')
    if (nowMs - peer.heardMs > node.timing.electionMs) return this.refusal('unreachable')
    role.transfer = new Transfer(node, target)
    this.settle()
    return { ok: true }
  }

  /**
   * A leader gives up at once, whatever it has under way: its disk is full, or it has to stop. It
   * waits for no heir, but tells the voter that holds most to stand, so that none has to time out.
   */
  resign(nowMs: number): void {
    this.setTime(nowMs)
    const { role } = this
    if (role.kind !== 'leader') return
    role.handOver()
    this.office.follow(undefined, 'resigned')
  }

  /**
   * Asks at which index a read that was asked for by now may be answered. The answer, or its
   * refusal, comes in a `Ready` under `id`.
   */
  read(
    id: number,
    mode: ReadMode,
    nowMs: number,
  ): { ok: true } | Refused<ReadRefusal | 'backlogFull'> {
    this.setTime(nowMs)
    const { role, node } = this
    if (role.kind === 'leader') {
      const leased = mode === 'lease' && node.timing.hasteMs === undefined
      if (leased && role.hasCommittedInTerm && role.reads.underLease(id)) return { ok: true }
      if (role.reads.size >= node.limits.readsPendingMax) return this.refusal('backlogFull')
      role.reads.add(node.id, id)
      return { ok: true }
    }
    if (role.kind !== 'follower' || role.leader === undefined) return this.refusal('notLeader')
    if (role.reads.size >= node.limits.readsPendingMax) return this.refusal('backlogFull')
    role.reads.ask(role.leader, id)
    return { ok: true }
  }

  private refusal<R extends string>(reason: R): Refused<R> {
    return { ok: false, reason, leader: this.role.leader }
  }

  // ── The driver reports ────────────────────────────────────────────────────────────────────────

  /** Write `number`, and all before it, are on the disk for good. */
  persisted(number: number, nowMs: number): void {
    this.setTime(nowMs)
    for (const frame of this.node.written(number)) {
      // The only thing that a node sends to itself: its vote, if it still stands in that term.
      assert(frame.kind === 'voteAnswer', 'only a vote waits for its own node')
      if (frame.value.term === this.node.term) voteAnswered(this.office, this.node.id, frame.value)
    }
    this.settle()
  }

  /** The link to a peer has broken: what was on its way may be lost. */
  unreachable(peer: PeerId, nowMs: number): void {
    this.setTime(nowMs)
    if (this.role.leader === peer) this.node.leaderLost()
    if (this.role.kind !== 'leader') return
    const progress = this.role.peers.get(peer)
    if (progress) this.role.replication.unreachable(progress)
  }

  /** A link to a peer is there, perhaps again: find out at once where it stands. */
  reachable(peer: PeerId, nowMs: number): void {
    this.setTime(nowMs)
    if (this.role.kind !== 'leader') return
    const progress = this.role.peers.get(peer)
    if (progress) this.role.replication.reachable(progress)
  }

  /**
   * What a snapshot of the state after `index` has to be stored with. `index` has been applied.
   * Undefined when there is nothing to describe yet: no entry, or no configuration seen.
   */
  snapshotPosition(index: number): Pick<SnapshotMeta, 'index' | 'term' | 'config'> | undefined {
    const { log, configs } = this.node
    assert(index <= log.handedOut, 'a snapshot holds only what was applied', { index })
    const term = log.termAt(index)
    const { config } = configs.at(index)
    if (term === undefined || index <= log.snapshot.index || config.voters.length === 0)
      return undefined
    return { index, term, config }
  }

  /** The snapshot is on the disk for good. What it covers may be deleted there, as it is here. */
  snapshotTaken(snapshot: SnapshotMeta): void {
    const { log, configs, limits } = this.node
    // A leader's newer one may have come in meanwhile.
    if (snapshot.index <= log.snapshot.index) return
    assert(log.has(snapshot.index, snapshot.term), 'a snapshot is of this log', { ...snapshot })
    log.compact(snapshot, limits.logTailBytes)
    configs.compactTo(snapshot.index)
  }

  // ── Out ───────────────────────────────────────────────────────────────────────────────────────

  private settle(): void {
    const { role } = this
    if (role.kind !== 'leader') return
    role.settle()
    if (role.over === undefined) return
    if (role.over === 'removed') role.handOver()
    this.office.follow(undefined, role.over === 'removed' ? 'removed' : 'no quorum heard')
  }

  /** Undefined when there is nothing to do. */
  takeReady(): Ready | undefined {
    const { node, role } = this
    const { outbox, log } = node
    if (role.kind === 'leader') role.flush()
    node.askForSnapshot(role.kind === 'leader' && role.isSendingSnapshot)
    const persist = node.takePersist()
    const apply = this.takeApply()
    const reads = outbox.takeReads(log.handedOut)
    const isEmpty = persist === undefined && apply.length === 0 && reads.length === 0
    if (isEmpty && outbox.hasNoRest) return undefined
    const { send, chunks, refusedReads, events } = outbox.takeRest()
    return { persist, send, chunks, apply, reads, refusedReads, events }
  }

  private takeApply(): readonly Apply[] {
    const { log, limits } = this.node
    const snapshot = log.takeInstalled()
    const committed = log.takeCommitted(limits.applyBytesMax)
    if (snapshot === undefined && committed === undefined) return nothing
    const apply: Apply[] = []
    if (snapshot !== undefined) apply.push({ kind: 'snapshot', snapshot })
    if (committed !== undefined) {
      const { firstIndex, entries } = committed
      apply.push({ kind: 'entries', firstIndex, entries })
    }
    return apply
  }

  status(): RaftStatus {
    return statusOf(this.node, this.role)
  }
}
