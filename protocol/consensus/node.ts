/**
 * What a node is in every role: its term and vote, its log, its configurations, and what it has
 * promised. Roles come and go (follower.ts, candidacy.ts, leadership.ts); this stays.
 */
import { assert } from '../assert.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { Entropy } from '../ports/entropy.ts'
import { type ActiveConfig, ConfigHistory, configOf } from './config.ts'
import { eraOf } from './era.ts'
import { type Limits, type Timing, wireLimits } from './limits.ts'
import { isFurther, Log, type Position } from './log.ts'
import { type Entry, entryKind, type RaftFrame } from './messages.ts'
import { Outbox } from './outbox.ts'
import type { HardState, Misbehaviour, Options, Persist, Restored } from './ready.ts'
import { SnapshotReceiver } from './snapshot-receiver.ts'

export class Node {
  readonly id: PeerId
  readonly storage: number
  readonly timing: Timing
  readonly limits: Limits
  readonly entropy: Entropy
  readonly log: Log
  readonly configs: ConfigHistory
  readonly outbox = new Outbox()
  readonly receiver = new SnapshotReceiver()
  term: number
  vote: PeerId | undefined
  /** The end of the log as others were promised it; further than its own only while recovering. */
  promised: Position
  /**
   * The disk has lost entries that were promised. Until the disk holds as much again, this node does
   * not stand, and votes only for candidates that hold at least `promised`.
   */
  recovering: boolean
  nowMs: number
  /**
   * When a leader was last heard, or this node started: it may have heard one just before. Until
   * `electionMs` later it neither votes nor stands, whatever the term. Leases rest on this.
   */
  leaderHeardMs: number
  /** When to stand, unless a leader is heard. */
  electionDueMs = 0
  private readonly strangers = new Map<PeerId, number>()
  /** The size of the log at which a snapshot is asked for again. */
  private askAgainBytes = 0
  private lastReadId: number

  constructor(options: Options, restored: Restored, entropy: Entropy, nowMs: number) {
    assert(options.storage > 0, 'a disk must have a number', { storage: options.storage })
    this.id = options.id
    this.storage = options.storage
    this.timing = options.timing
    this.limits = options.limits
    this.entropy = entropy
    const { hardState, snapshot, entries } = restored
    this.log = new Log(snapshot, entries, hardState.commit)
    this.configs = new ConfigHistory(snapshot.config, snapshot.index)
    this.noteConfigs(snapshot.index + 1, entries)
    this.term = hardState.term
    this.vote = hardState.vote
    this.promised = hardState.promised
    this.nowMs = nowMs
    this.leaderHeardMs = options.timing.hasteMs === undefined ? nowMs : Number.NEGATIVE_INFINITY
    this.lastReadId = entropy.uint32() * 2 ** 20
    this.drawElectionDue()
    this.recovering = isFurther(this.promised, this.log.end)
    if (this.recovering)
      this.outbox.event({ kind: 'recovering', held: this.log.end, promised: this.promised })
  }

  get config(): ActiveConfig {
    return this.configs.latest
  }

  /** Whether it may be elected, as far as configurations and its disk are concerned. */
  get isElectable(): boolean {
    return !this.recovering && this.configs.hasVoter(this.id, this.storage, this.log.commit)
  }

  /** It has no part in any history yet. */
  private get isBlank(): boolean {
    return this.log.lastIndex === 0 && this.config.config.voters.length === 0
  }

  /** What it holds is of an earlier era, and can be brought into no later one by any message. */
  isPassedBy(term: number): boolean {
    return eraOf(term) > eraOf(this.term) && !this.isBlank
  }

  eraPassed(peer: PeerId, term: number): void {
    this.outbox.event({ kind: 'eraPassed', peer, term })
  }

  /** A leader may still hold a lease that counts on this node's silence. */
  get isBoundToLeader(): boolean {
    return this.nowMs < this.leaderHeardMs + this.timing.electionMs
  }

  /** The election restriction: never for a log that lacks what this one holds, or has promised. */
  isUpToDate(last: Position): boolean {
    return !isFurther(this.log.end, last) && !(this.recovering && isFurther(this.promised, last))
  }

  drawElectionDue(): void {
    const { electionMs, hasteMs } = this.timing
    const leastMs = this.isBoundToLeader ? electionMs : (hasteMs ?? electionMs)
    this.electionDueMs = this.nowMs + leastMs + leastMs * this.entropy.unit()
  }

  /** A hint that the leader is no more, from whoever watches the links. */
  leaderLost(): void {
    if (this.timing.hasteMs === undefined) return
    this.leaderHeardMs = Number.NEGATIVE_INFINITY
    this.drawElectionDue()
  }

  /** Unlike any of this node's earlier lives, as far as chance allows. */
  nextReadId(): number {
    return ++this.lastReadId
  }

  enterTerm(term: number): void {
    assert(term > this.term, 'terms only grow', { term, own: this.term })
    this.term = term
    this.vote = undefined
    this.outbox.termChanged()
  }

  voteFor(id: PeerId): void {
    if (this.vote === id) return
    assert(this.vote === undefined, 'one vote in a term', { term: this.term, vote: this.vote })
    this.vote = id
    this.outbox.termChanged()
  }

  // ── The log ───────────────────────────────────────────────────────────────────────────────────

  append(entries: readonly Entry[]): void {
    const first = this.log.lastIndex + 1
    this.log.append(entries)
    this.noteConfigs(first, entries)
    this.outbox.logChanged()
  }

  truncateFrom(index: number): void {
    this.log.truncateFrom(index)
    if (this.configs.truncateFrom(index)) this.tellConfig()
    this.outbox.logChanged()
  }

  private noteConfigs(first: number, entries: readonly Entry[]): void {
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as Entry
      if (entry.kind !== entryKind.config) continue
      const config = configOf(entry.data)
      assert(config !== undefined, 'a configuration in the log must be sound', { index: first + i })
      this.configs.append(config, first + i)
      this.tellConfig()
    }
  }

  tellConfig(): void {
    const { index, config } = this.config
    this.outbox.event({ kind: 'config', index, config })
  }

  /** What the disk is to be given now. Nothing, when nothing has changed that must survive. */
  takePersist(): Persist | undefined {
    const { log, outbox } = this
    if (!log.hasUnwritten && !outbox.termIsUnwritten && outbox.staged.length === 0) return undefined
    const sync = log.hasUnwritten || outbox.termIsUnwritten
    const number = outbox.takeWriteNumber()
    const staged = outbox.staged
    outbox.staged = []
    const { snapshot, firstIndex, entries } = log.takeUnwritten(number)
    if (!this.recovering) this.promised = log.end
    return { number, sync, staged, snapshot, firstIndex, entries, hardState: this.hardState() }
  }

  /** Writes up to `number` are on the disk for good. Returns the messages to this node itself. */
  written(number: number): RaftFrame[] {
    const { log, outbox } = this
    assert(
      number > outbox.newestConfirmed && number <= outbox.newestWrite,
      'a write is confirmed once, after it was handed out',
      { number, confirmed: outbox.newestConfirmed, newest: outbox.newestWrite },
    )
    log.written(number)
    const term = log.termAt(log.persisted)
    if (this.recovering && term !== undefined) {
      this.recovering = isFurther(this.promised, { index: log.persisted, term })
      if (!this.recovering) outbox.event({ kind: 'recovered' })
    }
    return outbox.written(number, this.id)
  }

  /**
   * While recovering, the write may reach further than what was lost. What it makes safe is answered
   * for, so it is promised too; `promised` itself stays, as the mark that recovery has to reach.
   */
  private hardState(): HardState {
    const { term, vote, log, promised: mark } = this
    const promised = isFurther(log.end, mark) ? log.end : mark
    return { term, vote, commit: log.commit, promised }
  }

  /** Asks again while the log keeps growing, since the driver may have had to let one request go. */
  askForSnapshot(sending: boolean): void {
    const { bytes } = this.log
    const { logBytesSoft, logBytesHard, logTailBytes } = this.limits
    if (bytes < (sending ? logBytesHard : logBytesSoft)) this.askAgainBytes = 0
    else if (bytes >= this.askAgainBytes) {
      this.outbox.event({ kind: 'snapshotDue', logBytes: bytes })
      this.askAgainBytes = bytes + logTailBytes
    }
  }

  // ── Peers ─────────────────────────────────────────────────────────────────────────────────────

  /** Whether an answer comes from the disk that was admitted. Tells people once when it does not. */
  isAdmitted(peer: PeerId, storage: number): boolean {
    const admitted = this.config.storages.get(peer)
    if (admitted === storage) return true
    if (admitted !== undefined && this.strangers.get(peer) !== storage) {
      if (this.strangers.size >= wireLimits.votersMax + wireLimits.learnersMax)
        this.strangers.clear()
      this.strangers.set(peer, storage)
      this.outbox.event({ kind: 'strangeStorage', peer, storage })
    }
    return false
  }

  misbehaved(peer: PeerId, what: Misbehaviour): void {
    this.outbox.event({ kind: 'misbehaviour', peer, what })
  }
}
