/**
 * The embedded ledger: a voter, the replica on top of it, and the way to whoever leads. Implements
 * `append`, `read` and `watch` of protocol/ledger on every agent alike; where the leader runs is
 * nobody's business but this folder's.
 */
import type { Target } from '../../protocol/consensus/config.ts'
import { noConfig } from '../../protocol/consensus/config.ts'
import { limits as raftLimits, type Timing } from '../../protocol/consensus/limits.ts'
import { blank, type RaftEvent } from '../../protocol/consensus/ready.ts'
import type { RaftStatus } from '../../protocol/consensus/status.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import type { Cursor } from '../../protocol/ledger/events.ts'
import { cursorAfterIndex } from '../../protocol/ledger/events.ts'
import type {
  Appended,
  AppendOptions,
  LedgerRefusal,
  ReadOptions,
  ReadOutcome,
  StopReason,
  Watched,
} from '../../protocol/ledger/ledger.ts'
import { machine } from '../../protocol/ledger/machine.ts'
import type { Query, ValueOf } from '../../protocol/ledger/queries.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { type Disk, DiskError } from '../../protocol/ports/disk.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Network } from '../../protocol/ports/network.ts'
import type { Hello } from '../../protocol/wire/versions.ts'
import { ConsensusStore, type Damage, SnapshotDamaged } from '../consensus/store.ts'
import { Voter, verified } from '../consensus/voter.ts'
import type { Founding } from '../ports/founding.ts'
import type { Calls } from '../requests/calls.ts'
import { Courier } from './courier.ts'
import { ledgerLimits } from './limits.ts'
import { type Effect, LedgerTooNew, Replica } from './replica.ts'
import { APPEND_SERVICE, decodeRequest, encodeOutcomes, type Wanted } from './wire.ts'

export interface LedgerPorts {
  clock: Clock
  entropy: Entropy
  network: Network
  disk: Disk
  log: Log
}

export interface LedgerSettings {
  id: PeerId
  hello: Hello
  timing: Timing
  /** Whether this host begins the ledger, as its first voter. */
  founding: Founding
  /** Whom others take for the leader, when this host hears none itself. */
  rumouredLeader(): PeerId | undefined
  onEvent(event: RaftEvent): void
}

export class LedgerService {
  private readonly ports: LedgerPorts
  private readonly settings: LedgerSettings
  private readonly calls: Calls
  private readonly log: Log
  private replica = new Replica()
  private voter: Voter<Effect> | undefined
  private stopReason: StopReason | undefined
  private forwarded = 0
  private readonly couriers = new Map<PeerId, Courier>()
  /** Of this disk; 0 until it has been opened. */
  storage = 0
  damage: readonly Damage[] = []

  constructor(ports: LedgerPorts, settings: LedgerSettings, calls: Calls) {
    this.ports = ports
    this.settings = settings
    this.calls = calls
    this.log = ports.log.child('ledger')
    calls.serve(APPEND_SERVICE, (_, body) => this.serveAppend(body))
  }

  async start(): Promise<void> {
    const { disk, entropy } = this.ports
    const { id, hello, timing, founding, onEvent } = this.settings
    this.stopReason = undefined
    this.replica = new Replica()
    const opened = await ConsensusStore.open(disk, entropy.stream('ledger'))
    const { store, storage } = opened
    this.storage = storage
    this.damage = opened.damage
    const fresh = opened.damage.length === 0 && !opened.restored
    const founders = { ...noConfig, voters: [{ id, storage }] }
    let restored =
      opened.restored ?? (fresh && founding.founder ? await store.found(founders) : blank(noConfig))
    founding.done()
    if (restored.snapshot.index > 0) {
      try {
        const { snapshot } = restored
        await this.replica.restore(snapshot, verified(snapshot, store.readSnapshot()))
      } catch (error) {
        if (!(error instanceof SnapshotDamaged)) throw error
        // The promise stays: this host does not vote before the leader has given it all back.
        this.damage = [...this.damage, 'snapshot']
        this.replica = new Replica()
        restored = { ...blank(noConfig), hardState: { ...restored.hardState, commit: 0 } }
      }
    }
    for (const what of this.damage) this.log.error('the ledger on this disk is damaged', { what })
    this.voter = new Voter(
      this.ports,
      {
        id,
        storage,
        restored,
        timing,
        limits: raftLimits,
        hello,
        onEvent,
        onFailure: (error) => this.failed(error),
      },
      store,
      this.replica,
    )
  }

  /** Hands the lead over first, if there is somebody to take it. */
  async stop(): Promise<void> {
    const { voter } = this
    this.voter = undefined
    if (!voter) return
    await this.handOver(voter)
    await voter.stop()
  }

  // ── The ledger ────────────────────────────────────────────────────────────────────────────────

  /** Finds the leader, waits for one within the time, and never proposes twice. */
  async append(command: Command, options: AppendOptions): Promise<Appended> {
    const { clock } = this.ports
    const deadlineMs = clock.now() + options.timeoutMs
    let hint: PeerId | undefined
    for (;;) {
      options.signal?.throwIfAborted()
      const leftMs = deadlineMs - clock.now()
      if (leftMs <= 0) return this.noQuorum()
      const leader: PeerId | undefined = hint ?? this.leader
      const appended = await this.appendAt(leader, command, leftMs, options)
      if (appended.kind !== 'refused' || appended.why !== 'notLeader') return appended
      hint = appended.leader === leader ? undefined : appended.leader
      if (!hint) await this.rest(Math.min(ledgerLimits.leaderRetryMs, leftMs))
    }
  }

  async read<Q extends Query>(query: Q, options: ReadOptions): Promise<ReadOutcome<ValueOf<Q>>> {
    const ready = await this.readable(options)
    if (ready) return ready
    return { kind: 'read', ...read(this.replica.state, query) }
  }

  async *watch(from: Cursor | 'now', signal: AbortSignal): AsyncIterable<Watched> {
    let cursor = from === 'now' ? cursorAfterIndex(this.replica.state.index) : from
    while (!signal.aborted) {
      if (this.stopReason) {
        yield { kind: 'stopped', because: this.stopReason }
        return
      }
      const resumed = this.replica.resume(cursor)
      if (resumed.kind === 'gap') {
        cursor = cursorAfterIndex(resumed.readAt)
        yield resumed
      } else if (resumed.kind === 'events' && resumed.events.length > 0) {
        for (const event of resumed.events) yield { kind: 'event', event }
        cursor = resumed.next
      } else {
        if (resumed.kind === 'events') cursor = resumed.next
        await this.changed(signal)
      }
    }
  }

  // ── For whoever looks after it ────────────────────────────────────────────────────────────────

  get leads(): boolean {
    return this.voter?.leads ?? false
  }

  /** Undefined while it is stopped. */
  status(): RaftStatus | undefined {
    return this.voter?.status()
  }

  get stopped(): StopReason | undefined {
    return this.stopReason
  }

  get state() {
    return this.replica.state
  }

  get marks() {
    return this.replica.marks
  }

  get leader(): PeerId | undefined {
    return this.voter?.status().leader ?? this.settings.rumouredLeader()
  }

  reconfigure(target: Target, basedOn: number) {
    return this.voter?.reconfigure(target, basedOn)
  }

  transfer(to: PeerId) {
    return this.voter?.transfer(to)
  }

  connectionChanged(peer: PeerId, kind: 'connected' | 'disconnected'): void {
    if (kind === 'connected') this.voter?.connected(peer)
    else this.voter?.disconnected(peer)
  }

  refusals(): Readonly<Record<string, number>> {
    return this.voter?.refusals() ?? {}
  }

  // ── Appending ─────────────────────────────────────────────────────────────────────────────────

  private appendAt(
    leader: PeerId | undefined,
    command: Command,
    leftMs: number,
    { numbered }: AppendOptions,
  ): Promise<Appended> {
    const wanted = { command, numbered }
    if (!leader) return Promise.resolve({ kind: 'refused', why: 'notLeader', leader: undefined })
    if (leader !== this.settings.id) return this.courierTo(leader).take(wanted, leftMs)
    return this.appendHere([wanted], leftMs).then(([appended]) => appended as Appended)
  }

  private courierTo(leader: PeerId): Courier {
    const known = this.couriers.get(leader)
    if (known) return known
    for (const [peer, courier] of this.couriers) if (courier.idle) this.couriers.delete(peer)
    const courier = new Courier(this.calls, this.ports.clock, leader)
    this.couriers.set(leader, courier)
    return courier
  }

  /** One entry each, proposed together. */
  private async appendHere(wanted: readonly Wanted[], leftMs: number): Promise<Appended[]> {
    const { stopReason, voter } = this
    if (stopReason || !voter) {
      return wanted.map(() =>
        stopReason
          ? { kind: 'refused', why: 'stopped', because: stopReason }
          : { kind: 'refused', why: 'notLeader', leader: undefined },
      )
    }
    // State never goes back in time, whatever the leader's calendar does.
    const timeMs = Math.max(this.ports.clock.wall(), this.replica.state.timeMs)
    const sealed = wanted.map(({ command, numbered }) =>
      machine.seal(command, numbered ? { timeMs, numbered } : { timeMs }),
    )
    const proposals = sealed.flatMap((one) => (one.ok ? [{ data: one.payload }] : []))
    const proposed = proposals.length > 0 ? voter.propose(proposals) : undefined
    const outcome = proposed && (await this.within(leftMs, proposed))
    let next = 0
    return sealed.map((one): Appended => {
      if (!one.ok) return { kind: 'refused', why: one.code, detail: one.why }
      const at = next++
      if (!outcome) return { kind: 'unknown', why: 'timedOut' }
      if (!outcome.ok) return this.refusalOf(outcome.reason, outcome.leader)
      return { kind: 'applied', index: outcome.index + at, ...(outcome.results[at] as Effect) }
    })
  }

  private refusalOf(reason: string, leader: PeerId | undefined): LedgerRefusal {
    switch (reason) {
      case 'backlogFull':
        return { kind: 'refused', why: 'overloaded' }
      case 'logFull':
        return { kind: 'refused', why: 'full' }
      case 'superseded':
      case 'transferring':
        return { kind: 'refused', why: 'notLeader', leader: undefined }
      case 'tooLarge':
        return { kind: 'refused', why: 'tooLarge', detail: 'the command is larger than an entry' }
      case 'unknown':
      case 'stopped':
        return { kind: 'unknown', why: 'leaderLost' }
      default:
        return { kind: 'refused', why: 'notLeader', leader }
    }
  }

  private async serveAppend(body: Uint8Array): Promise<Uint8Array> {
    const request = decodeRequest(body)
    if (!request) throw new Error('that is no request to append')
    const { wanted, timeoutMs } = request
    const overloaded: Appended = { kind: 'refused', why: 'overloaded' }
    if (this.forwarded + wanted.length > ledgerLimits.forwardedMax)
      return encodeOutcomes(wanted.map(() => overloaded))
    this.forwarded += wanted.length
    try {
      return encodeOutcomes(await this.appendHere(wanted, timeoutMs))
    } finally {
      this.forwarded -= wanted.length
    }
  }

  // ── Reading ───────────────────────────────────────────────────────────────────────────────────

  /** Undefined when the state may be read now, as the options ask for. */
  private async readable({
    consistency,
    timeoutMs,
    signal,
  }: ReadOptions): Promise<LedgerRefusal | undefined> {
    if (this.stopReason) return { kind: 'refused', why: 'stopped', because: this.stopReason }
    if (consistency === 'local') return undefined
    const { clock } = this.ports
    const deadlineMs = clock.now() + timeoutMs
    const index =
      typeof consistency === 'object'
        ? consistency.atLeast
        : await this.confirmed(deadlineMs, signal)
    if (typeof index === 'object') return index
    while (this.replica.state.index < index) {
      signal?.throwIfAborted()
      const leftMs = deadlineMs - clock.now()
      if (leftMs <= 0) return this.noQuorum()
      await this.within(leftMs, this.changed(signal))
    }
    return undefined
  }

  /** The index that a quorum confirms for a read asked for now. */
  private async confirmed(
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<number | LedgerRefusal> {
    const { clock } = this.ports
    for (;;) {
      signal?.throwIfAborted()
      const leftMs = deadlineMs - clock.now()
      const { voter } = this
      if (leftMs <= 0 || !voter) return this.noQuorum()
      const outcome = await this.within(leftMs, voter.read('safe'))
      if (!outcome) return this.noQuorum()
      if (outcome.ok) return outcome.index
      if (outcome.reason === 'backlogFull') return { kind: 'refused', why: 'overloaded' }
      await this.rest(Math.min(ledgerLimits.leaderRetryMs, leftMs))
    }
  }

  private noQuorum(): LedgerRefusal {
    const status = this.voter?.status()
    const voters = status?.config.voters ?? []
    const connected = new Set([this.settings.id, ...this.ports.network.connected()])
    const reachable = voters.filter(({ id }) => connected.has(id)).length
    const needed = Math.floor(voters.length / 2) + 1
    return { kind: 'refused', why: 'noQuorum', reachable, needed }
  }

  // ── Waiting ───────────────────────────────────────────────────────────────────────────────────

  /** Undefined when the time was over first. */
  private within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const timer = this.ports.clock.after(ms, () => resolve(undefined))
      promise.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  private rest(ms: number): Promise<void> {
    return new Promise((resolve) => this.ports.clock.after(ms, resolve))
  }

  private changed(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        forget()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const forget = this.replica.onChange(done)
      signal?.addEventListener('abort', done)
    })
  }

  // ── Ending ────────────────────────────────────────────────────────────────────────────────────

  private async handOver(voter: Voter<Effect>): Promise<void> {
    const { role, peers, config, lastIndex } = voter.status()
    if (role !== 'leader') return
    const heir = peers
      .filter(({ id }) => config.voters.some((member) => member.id === id))
      .sort((a, b) => b.match - a.match || a.heardMsAgo - b.heardMsAgo)[0]
    if (!heir || heir.match === 0 || lastIndex === 0 || !voter.transfer(heir.id).ok) return
    const { clock } = this.ports
    const deadlineMs = clock.now() + ledgerLimits.handoverMs
    while (voter.status().role === 'leader' && clock.now() < deadlineMs) {
      await this.rest(ledgerLimits.leaderRetryMs)
    }
  }

  private failed(error: unknown): void {
    if (error instanceof LedgerTooNew) {
      const { needs, supports } = error
      this.stopReason = { kind: 'ledgerVersionUnsupported', needs, supports }
    } else {
      const message = error instanceof DiskError ? `${error.code}: ${error.message}` : String(error)
      this.stopReason = { kind: 'diskFailed', message }
    }
  }
}
