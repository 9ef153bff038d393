/**
 * Drives the consensus core: hands it frames, time, proposals and what the disk has confirmed, and
 * writes, sends and applies what it answers. All decisions are the core's.
 *
 * A disk that fails stops it for good: it steps down and says so, and the others go on without it.
 */
import type { Target } from '../../protocol/consensus/config.ts'
import { Raft, type ReadMode, type Tenure } from '../../protocol/consensus/core.ts'
import type { Limits, Timing } from '../../protocol/consensus/limits.ts'
import type { LogView } from '../../protocol/consensus/log.ts'
import { type Config, RaftFrame, type SnapshotMeta } from '../../protocol/consensus/messages.ts'
import type {
  Proposal,
  ReconfigureRefusal,
  TransferRefusal,
} from '../../protocol/consensus/proposing.ts'
import type {
  Persist,
  RaftEvent,
  ReadRefusal,
  Ready,
  Restored,
} from '../../protocol/consensus/ready.ts'
import type { RaftStatus } from '../../protocol/consensus/status.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Network } from '../../protocol/ports/network.ts'
import type { Hello } from '../../protocol/wire/versions.ts'
import { Links } from '../links/links.ts'
import type { Ranks } from '../trust/ranks.ts'
import { Applying } from './applying.ts'
import { Copying } from './copying.ts'
import { EraPassed, LogDiverged } from './failures.ts'
import { Gathering } from './gathering.ts'
import { consensusLinkLimits, consensusQuotas, purpose } from './limits.ts'
import { type Outcome, type ReadOutcome, type Refusal, stoppedRefusal } from './outcomes.ts'
import type { StateMachine } from './state-machine.ts'
import { Steps } from './steps.ts'
import type { ConsensusStore } from './store.ts'

export interface VoterPorts {
  clock: Clock
  entropy: Entropy
  network: Network
  log: Log
}

export interface VoterSettings {
  id: PeerId
  storage: number
  restored: Restored
  timing: Timing
  limits: Limits
  hello: Hello
  /** Who may stand, vote and append. */
  ranks: Ranks
  /** Whether the state may be copied, to the disk or to others: not while it is in doubt. */
  mayCopy(): boolean
  /** Whether somebody here waits for what is committed: for others it may wait a little itself. */
  isFollowed(): boolean
  onEvent(event: RaftEvent): void
  /** Told of all that is about to be carried out, and by which log: for whoever looks on. */
  onReady?(ready: Ready, log: LogView): void
  /** The disk has failed, or what came from it is not whole: this voter has stopped. */
  onFailure(error: unknown): void
}

export class Voter<Result> {
  private readonly ports: VoterPorts
  private readonly settings: VoterSettings
  private readonly store: ConsensusStore
  private readonly raft: Raft
  private readonly links: Links<RaftFrame>
  private readonly log: Log
  private readonly applying: Applying<Result>
  private readonly gathering: Gathering
  private readonly copying: Copying
  private readonly reads = new Map<number, (outcome: ReadOutcome) => void>()
  private nextRead = 1
  private timer: Timer | undefined
  private timerAtMs = Number.POSITIVE_INFINITY
  private pumping = false
  /** When the writes were handed out that the disk has not confirmed yet, in order. */
  private readonly writing: number[] = []
  /** What is done after the frames of this turn have left. */
  private readonly steps = new Steps()
  /** The newest write that the disk has confirmed, and so all before it. */
  private confirmed = 0
  private stopped = false
  /** Resolves when nothing is on its way to the disk any more. */
  private written: PromiseWithResolvers<void> | undefined

  constructor(
    ports: VoterPorts,
    settings: VoterSettings,
    store: ConsensusStore,
    machine: StateMachine<Result>,
  ) {
    this.ports = ports
    this.settings = settings
    this.store = store
    this.log = ports.log.child('consensus')
    const { id, storage, timing, limits, restored } = settings
    const { index } = restored.snapshot
    this.applying = new Applying(machine, store, index, (error) => this.fail(error))
    this.gathering = new Gathering(ports.clock, (apply) => this.applying.enqueue(apply))
    this.copying = new Copying(this.copyingOwner(), store, machine)
    const entropy = ports.entropy.stream('consensus')
    const options = { id, storage, timing, limits }
    this.raft = new Raft(options, restored, entropy, ports.clock.now())
    this.links = new Links<RaftFrame>(ports, {
      purpose,
      frames: RaftFrame,
      hello: settings.hello,
      quotas: consensusQuotas,
      limits: consensusLinkLimits,
      onMessage: (from, frame) => {
        if (this.stopped) return
        if (!settings.ranks.maySay(from, purpose, frame.kind)) return this.links.fine(from)
        this.raft.receive(from, frame, ports.clock.now())
        this.soon()
      },
    })
    this.soon()
  }

  get appliedIndex(): number {
    return this.applying.index
  }

  get leads(): boolean {
    return this.raft.leads
  }

  get term(): number {
    return this.raft.term
  }

  get config(): Config {
    return this.raft.config
  }

  get commit(): number {
    return this.raft.commit
  }

  get leader(): PeerId | undefined {
    return this.raft.leader
  }

  /** For how long nothing was heard of the leader; 0 for the leader itself. */
  get leaderSilentMs(): number {
    return this.raft.leads ? 0 : this.now() - this.raft.leaderHeardMs
  }

  /** Undefined unless it leads. */
  get tenure(): Tenure | undefined {
    return this.raft.tenure
  }

  /** For how long the disk has kept the oldest unconfirmed write waiting. */
  get diskWaitMs(): number {
    const [begunMs] = this.writing
    return begunMs === undefined ? 0 : this.now() - begunMs
  }

  status(): RaftStatus {
    return this.raft.status()
  }

  refusals(): Readonly<Record<string, number>> {
    return this.links.refusals()
  }

  // ── Asking ────────────────────────────────────────────────────────────────────────────────────

  /** Settles once they are applied here, or can no longer be. All of them, or none. */
  propose(proposals: readonly Proposal[]): Promise<Outcome<Result>> {
    if (this.stopped) return Promise.resolve(stoppedRefusal)
    const appended = this.raft.propose(proposals, this.now())
    if (!appended.ok) return Promise.resolve(appended)
    // While a write is under way, more may join the next one.
    if (this.writing.length === 0) this.soon()
    return this.applying.outcomeOf(appended.index, appended.term, proposals.length)
  }

  /** Settles when the state that is applied here may answer a read that was asked for now. */
  read(mode: ReadMode): Promise<ReadOutcome> {
    if (this.stopped) return Promise.resolve(stoppedRefusal)
    const id = this.nextRead++
    const asked = this.raft.read(id, mode, this.now())
    if (!asked.ok) return Promise.resolve(asked)
    this.soon()
    return new Promise((settle) => this.reads.set(id, settle))
  }

  reconfigure(
    target: Target,
    basedOn: number,
  ): { ok: true } | Refusal<ReconfigureRefusal | 'stopped'> {
    if (this.stopped) return stoppedRefusal
    const appended = this.raft.reconfigure(target, basedOn, this.now())
    this.soon()
    return appended.ok ? { ok: true } : appended
  }

  transfer(to: PeerId): { ok: true } | Refusal<TransferRefusal | 'stopped'> {
    if (this.stopped) return stoppedRefusal
    const begun = this.raft.transfer(to, this.now())
    this.soon()
    return begun
  }

  /** Leads no longer, without waiting for whoever comes next. */
  resign(): void {
    if (this.stopped) return
    this.raft.resign(this.now())
    this.soon()
  }

  /** Somebody begins to wait for what is committed: what has gathered is applied. */
  hurry(): void {
    if (!this.stopped) this.gathering.flush()
  }

  /** Stops for good: what stands on the log cannot go on. */
  halt(error: Error): void {
    this.fail(error)
  }

  connected(peer: PeerId): void {
    this.links.resetBackoff(peer)
    if (this.stopped) return
    this.raft.reachable(peer, this.now())
    this.soon()
  }

  disconnected(peer: PeerId): void {
    if (this.stopped) return
    this.raft.unreachable(peer, this.now())
    this.soon()
  }

  /** What was given to the disk is finished first; what waits is refused. */
  async stop(): Promise<void> {
    this.end()
    await this.applying.idle()
    await this.copying.idle()
    if (this.writing.length === 0) return
    this.written = Promise.withResolvers()
    await this.written.promise
  }

  private end(): void {
    if (!this.stopped && this.raft.leads) this.sayFarewell()
    this.stopped = true
    this.timer?.cancel()
    this.links.close()
    this.gathering.end()
    this.applying.end()
    for (const settle of this.reads.values()) settle(stoppedRefusal)
    this.reads.clear()
  }

  /** A leader's last word: who is to stand. Nothing of it waits for the disk. */
  private sayFarewell(): void {
    this.raft.resign(this.now())
    const ready = this.raft.takeReady()
    for (const { to, frame } of ready?.send ?? []) this.links.send(to, frame)
    for (const event of ready?.events ?? []) this.settings.onEvent(event)
  }

  private fail(error: unknown): void {
    if (this.stopped) return
    this.log.error('this voter has stopped', { why: String(error) })
    this.end()
    this.settings.onFailure(error)
  }

  private now(): number {
    return this.ports.clock.now()
  }

  // ── Doing what the core says ──────────────────────────────────────────────────────────────────

  /** Everything that comes in one turn is answered together. */
  private soon(): void {
    if (this.pumping || this.stopped) return
    this.pumping = true
    queueMicrotask(() => {
      this.pumping = false
      this.pump()
    })
  }

  private pump(): void {
    for (let ready = this.take(); ready; ready = this.take()) this.follow(ready)
    this.plan()
  }

  private take(): Ready | undefined {
    return this.stopped ? undefined : this.raft.takeReady()
  }

  /**
   * Frames first, for others wait for them; then the disk; then what only concerns this host. Each
   * in a microtask of its own: what links and disks are given leaves in the one that follows.
   */
  private follow(ready: Ready): void {
    const { persist, send } = ready
    this.settings.onReady?.(ready, this.raft.log)
    for (const { to, frame } of send) this.links.send(to, frame)
    if (persist) {
      this.writing.push(this.now())
      this.steps.next(() => this.write(persist))
    }
    if (this.steps.none) this.carryOut(ready)
    else this.steps.next(() => this.carryOut(ready))
  }

  private carryOut(ready: Ready): void {
    if (this.stopped) return
    for (const order of ready.chunks) void this.copying.send(order)
    this.gathering.take(ready.apply, this.isHurried)
    for (const { id, index } of ready.reads) this.answerRead(id, index)
    for (const { id, reason } of ready.refusedReads) this.refuseRead(id, reason)
    for (const event of ready.events) this.heard(event)
  }

  /** Whoever leads builds on each entry at once; who asked for a read, or for a proposal, waits. */
  private get isHurried(): boolean {
    const isAsked = this.reads.size > 0 || this.applying.isAwaited
    return isAsked || this.raft.leads || this.settings.isFollowed()
  }

  private write(persist: Persist): void {
    this.store
      .persist(persist)
      .finally(() => {
        this.writing.shift()
        if (this.writing.length === 0) this.written?.resolve()
      })
      .then(
        () => {
          // One that had to clean up after itself comes late: a later one has spoken for it.
          if (this.stopped || persist.number <= this.confirmed) return
          this.confirmed = persist.number
          this.raft.persisted(persist.number, this.now())
          this.soon()
        },
        (error: unknown) => this.fail(error),
      )
  }

  /** Most wake-ups are put off before they are due: a timer that comes too early plans anew. */
  private plan(): void {
    const { wakeAtMs } = this.raft
    if (this.stopped || wakeAtMs >= this.timerAtMs) return
    this.timer?.cancel()
    this.timerAtMs = wakeAtMs
    this.timer = this.ports.clock.after(Math.max(0, wakeAtMs - this.now()), () => {
      this.timerAtMs = Number.POSITIVE_INFINITY
      const nowMs = this.now()
      if (nowMs >= this.raft.wakeAtMs) this.raft.tick(nowMs)
      this.pump()
    })
  }

  private answerRead(id: number, index: number): void {
    const settle = this.reads.get(id)
    this.reads.delete(id)
    this.applying.afterwards(() => settle?.({ ok: true, index }))
  }

  private refuseRead(id: number, reason: ReadRefusal): void {
    const settle = this.reads.get(id)
    this.reads.delete(id)
    settle?.({ ok: false, reason, leader: this.raft.leader })
  }

  private heard(event: RaftEvent): void {
    if (event.kind === 'snapshotDue') this.copying.save()
    this.settings.onEvent(event)
    if (event.kind === 'eraPassed') this.fail(new EraPassed(event.term))
    // Going on could only spread what must not be.
    if (event.kind === 'misbehaviour' && event.what === 'divergence')
      this.fail(new LogDiverged(event.peer))
  }

  private copyingOwner() {
    return {
      log: this.log,
      mayCopy: () => !this.stopped && this.settings.mayCopy(),
      settled: () => this.applying.idle(),
      position: () => this.raft.snapshotPosition(this.applying.index),
      saved: (snapshot: SnapshotMeta) => {
        if (this.stopped) return
        this.raft.snapshotTaken(snapshot)
        this.soon()
      },
      failed: (error: unknown) => this.fail(error),
      send: (to: PeerId, frame: RaftFrame) => {
        if (!this.stopped) this.links.send(to, frame)
      },
    }
  }
}
