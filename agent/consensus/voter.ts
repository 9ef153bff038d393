/**
 * Drives the consensus core: hands it frames, time, proposals and what the disk has confirmed, and
 * writes, sends and applies what it answers. All decisions are the core's.
 *
 * A disk that fails stops it for good: it steps down and says so, and the others go on without it.
 */
import { createHash } from 'node:crypto'
import type { Target } from '../../protocol/consensus/config.ts'
import { Raft, type ReadMode } from '../../protocol/consensus/core.ts'
import type { Limits, Timing } from '../../protocol/consensus/limits.ts'
import type { Entry, SnapshotMeta } from '../../protocol/consensus/messages.ts'
import { RaftFrame } from '../../protocol/consensus/messages.ts'
import type {
  Proposal,
  ProposeRefusal,
  ReconfigureRefusal,
  TransferRefusal,
} from '../../protocol/consensus/proposing.ts'
import type {
  Apply,
  ChunkOrder,
  Persist,
  RaftEvent,
  ReadRefusal,
  Ready,
  Restored,
} from '../../protocol/consensus/ready.ts'
import { chunkFrame } from '../../protocol/consensus/ready.ts'
import type { RaftStatus } from '../../protocol/consensus/status.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Network } from '../../protocol/ports/network.ts'
import type { Hello } from '../../protocol/wire/versions.ts'
import { Links } from '../links/links.ts'
import { consensusLinkLimits, consensusQuotas, purpose } from './limits.ts'
import type { StateMachine } from './state-machine.ts'
import { type ConsensusStore, SnapshotDamaged } from './store.ts'

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
  onEvent(event: RaftEvent): void
  /** The disk has failed, or what came from it is not whole: this voter has stopped. */
  onFailure(error: unknown): void
}

export type Refusal<Reason extends string> = {
  ok: false
  reason: Reason
  leader: PeerId | undefined
}
export type Outcome<Result> =
  | { ok: true; index: number; results: Result[] }
  /**
   * `superseded`: another leader's entry took the place, so this one never takes effect. `unknown`:
   * a snapshot came that covers it, and what became of it is only in the state.
   */
  | Refusal<ProposeRefusal | 'superseded' | 'unknown' | 'stopped'>
export type ReadOutcome =
  | { ok: true; index: number }
  | Refusal<ReadRefusal | 'backlogFull' | 'stopped'>

interface Waiting<Result> {
  term: number
  count: number
  results: Result[]
  settle(outcome: Outcome<Result>): void
}

export class Voter<Result> {
  private readonly ports: VoterPorts
  private readonly settings: VoterSettings
  private readonly store: ConsensusStore
  private readonly machine: StateMachine<Result>
  private readonly raft: Raft
  private readonly links: Links<RaftFrame>
  private readonly log: Log
  /** Proposals by the index of their first entry. */
  private readonly waiting = new Map<number, Waiting<Result>>()
  private readonly reads = new Map<number, (outcome: ReadOutcome) => void>()
  private nextRead = 1
  private timer: Timer | undefined
  private timerAtMs = Number.POSITIVE_INFINITY
  private pumping = false
  private writing = 0
  private stopped = false
  /** What has been handed out, in order; a snapshot takes its time. */
  private applying = Promise.resolve()
  private applyingNow = 0
  private applied: number
  private savingSnapshot = false

  constructor(
    ports: VoterPorts,
    settings: VoterSettings,
    store: ConsensusStore,
    machine: StateMachine<Result>,
  ) {
    this.ports = ports
    this.settings = settings
    this.store = store
    this.machine = machine
    this.log = ports.log.child('consensus')
    const { id, storage, timing, limits, restored } = settings
    this.applied = restored.snapshot.index
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
        this.raft.receive(from, frame, ports.clock.now())
        this.soon()
      },
    })
    this.soon()
  }

  get appliedIndex(): number {
    return this.applied
  }

  get leads(): boolean {
    return this.raft.leads
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
    if (this.writing === 0) this.soon()
    return new Promise((settle) => {
      const { index, term } = appended
      this.waiting.set(index, { term, count: proposals.length, results: [], settle })
    })
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
    await this.applying
  }

  private end(): void {
    if (!this.stopped) this.raft.resign(this.now())
    this.stopped = true
    this.timer?.cancel()
    this.links.close()
    for (const { settle } of this.waiting.values()) settle(stoppedRefusal)
    for (const settle of this.reads.values()) settle(stoppedRefusal)
    this.waiting.clear()
    this.reads.clear()
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

  private follow(ready: Ready): void {
    if (ready.persist) this.write(ready.persist)
    for (const { to, frame } of ready.send) this.links.send(to, frame)
    for (const order of ready.chunks) void this.sendChunk(order)
    if (ready.apply.length > 0) this.enqueue(ready.apply)
    for (const { id, index } of ready.reads) this.answerRead(id, index)
    for (const { id, reason } of ready.refusedReads) this.refuseRead(id, reason)
    for (const event of ready.events) this.heard(event)
  }

  private write(persist: Persist): void {
    this.writing++
    this.store.persist(persist).then(
      () => {
        this.writing--
        if (this.stopped) return
        this.raft.persisted(persist.number, this.now())
        this.soon()
      },
      (error: unknown) => this.fail(error),
    )
  }

  private async sendChunk(order: ChunkOrder): Promise<void> {
    try {
      const { to, snapshot, offset, length } = order
      const data = await this.store.readChunk(snapshot, offset, length)
      if (data && !this.stopped) this.links.send(to, chunkFrame(order, data))
    } catch (error) {
      this.log.warn('a piece of the snapshot was not read', { why: String(error) })
    }
  }

  private plan(): void {
    if (this.stopped || this.raft.wakeAtMs === this.timerAtMs) return
    this.timer?.cancel()
    this.timerAtMs = this.raft.wakeAtMs
    if (!Number.isFinite(this.timerAtMs)) return
    this.timer = this.ports.clock.after(Math.max(0, this.timerAtMs - this.now()), () => {
      this.timerAtMs = Number.POSITIVE_INFINITY
      this.raft.tick(this.now())
      this.pump()
    })
  }

  // ── Applying ──────────────────────────────────────────────────────────────────────────────────

  /** At once when nothing waits; else behind the snapshot that is being loaded. */
  private enqueue(apply: readonly Apply[]): void {
    if (this.applyingNow === 0 && apply.every(({ kind }) => kind === 'entries')) {
      for (const step of apply) if (step.kind === 'entries') this.applyEntries(step)
      return
    }
    this.applyingNow++
    this.applying = this.applying
      .then(async () => {
        for (const step of apply) {
          if (this.stopped) return
          if (step.kind === 'snapshot') await this.load(step.snapshot)
          else this.applyEntries(step)
        }
      })
      .catch((error: unknown) => this.fail(error))
      .finally(() => {
        this.applyingNow--
      })
  }

  private async load(snapshot: SnapshotMeta): Promise<void> {
    await this.machine.restore(snapshot, verified(snapshot, this.store.readSnapshot()))
    this.applied = snapshot.index
    for (const [index, { settle }] of this.waiting) {
      if (index > snapshot.index) continue
      this.waiting.delete(index)
      settle({ ok: false, reason: 'unknown', leader: undefined })
    }
  }

  private applyEntries({ firstIndex, entries }: Extract<Apply, { kind: 'entries' }>): void {
    const results = this.machine.apply(firstIndex, entries)
    for (const [i, result] of results.entries()) {
      this.settle(firstIndex + i, entries[i] as Entry, result)
    }
    this.applied = firstIndex + entries.length - 1
  }

  /** The proposal whose entries are being applied, if it is one of this node's. */
  private current: { from: number; waiting: Waiting<Result> } | undefined

  private settle(index: number, entry: Entry, result: Result): void {
    const begun = this.waiting.get(index)
    if (begun) {
      this.waiting.delete(index)
      if (begun.term !== entry.term) {
        begun.settle({ ok: false, reason: 'superseded', leader: undefined })
      } else this.current = { from: index, waiting: begun }
    }
    if (!this.current) return
    const { from, waiting } = this.current
    waiting.results.push(result)
    if (waiting.results.length < waiting.count) return
    this.current = undefined
    waiting.settle({ ok: true, index: from, results: waiting.results })
  }

  private answerRead(id: number, index: number): void {
    const settle = this.reads.get(id)
    this.reads.delete(id)
    if (this.applyingNow === 0) settle?.({ ok: true, index })
    else void this.applying.then(() => settle?.({ ok: true, index }))
  }

  private refuseRead(id: number, reason: ReadRefusal): void {
    const settle = this.reads.get(id)
    this.reads.delete(id)
    settle?.({ ok: false, reason, leader: this.raft.status().leader })
  }

  // ── Snapshots ─────────────────────────────────────────────────────────────────────────────────

  private heard(event: RaftEvent): void {
    if (event.kind === 'snapshotDue') void this.saveSnapshot()
    this.settings.onEvent(event)
    // Going on could only spread what must not be.
    if (event.kind === 'misbehaviour' && event.what === 'divergence')
      this.fail(new Diverged(event.peer))
  }

  private async saveSnapshot(): Promise<void> {
    if (this.savingSnapshot) return
    this.savingSnapshot = true
    try {
      await this.applying
      const position = this.stopped ? undefined : this.raft.snapshotPosition(this.applied)
      if (!position) return
      const snapshot = await this.store.saveSnapshot(position, this.machine.copy())
      if (this.stopped) return
      this.raft.snapshotTaken(snapshot)
      this.soon()
    } catch (error) {
      this.fail(error)
    } finally {
      this.savingSnapshot = false
    }
  }
}

/** What the leader says of committed entries is not what stands here. */
export class Diverged extends Error {
  constructor(leader: PeerId) {
    super(`the log differs from that of ${leader} in what was committed`)
    this.name = 'Diverged'
  }
}

const stoppedRefusal = { ok: false, reason: 'stopped', leader: undefined } as const

/** Passes the parts on, and rejects at the end when they are not what the snapshot says. */
export async function* verified(
  snapshot: SnapshotMeta,
  parts: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const part of parts) {
    hash.update(part)
    bytes += part.length
    yield part
  }
  if (hash.digest('hex') !== snapshot.checksum) throw new SnapshotDamaged(bytes)
}
