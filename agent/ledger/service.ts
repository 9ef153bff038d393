/**
 * The embedded ledger: a voter, the replica on top of it, and the way to whoever leads. Implements
 * protocol/ledger's interface on every agent alike; where the leader runs is nobody's business but
 * this folder's.
 */
import type { Target } from '../../protocol/consensus/config.ts'
import { noConfig } from '../../protocol/consensus/config.ts'
import type { Limits, Timing } from '../../protocol/consensus/limits.ts'
import type { Config } from '../../protocol/consensus/messages.ts'
import { blank, type RaftEvent, type Restored } from '../../protocol/consensus/ready.ts'
import type { RaftStatus } from '../../protocol/consensus/status.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import type { Cursor } from '../../protocol/ledger/events.ts'
import type {
  Appended,
  AppendOptions,
  Candidacy,
  Leadership,
  Ledger,
  ReadOptions,
  ReadOutcome,
  StopReason,
  Watched,
} from '../../protocol/ledger/ledger.ts'
import type { Query, ValueOf } from '../../protocol/ledger/queries.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import { type Disk, lostKey } from '../../protocol/ports/disk.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Network } from '../../protocol/ports/network.ts'
import type { Hello } from '../../protocol/wire/versions.ts'
import { setAside } from '../consensus/aside.ts'
import type { Damage } from '../consensus/look.ts'
import { ConsensusStore, SnapshotDamaged } from '../consensus/store.ts'
import { verified } from '../consensus/verified.ts'
import { Voter } from '../consensus/voter.ts'
import type { Founding } from '../ports/founding.ts'
import type { Calls } from '../requests/calls.ts'
import type { Ranks } from '../trust/ranks.ts'
import type { AppendGuard } from './append-guard.ts'
import { Appending } from './appending.ts'
import { type Claim, Comparing } from './comparing.ts'
import { type Divergence, noteDivergence, notedDivergence, StateDiverged } from './divergence.ts'
import { handOver } from './handover.ts'
import { LedgerTime } from './ledger-time.ts'
import { ledgerLimits } from './limits.ts'
import { readable } from './reading.ts'
import { type Gauges, Relief } from './relief.ts'
import { Replica } from './replica.ts'
import { Standing } from './standing.ts'
import { stopReasonOf } from './stop-reason.ts'
import { Turns } from './turns.ts'
import { watched } from './watching.ts'
import type { LedgerWitness } from './witness.ts'

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
  /** Who may stand, vote and append. */
  ranks: Ranks
  timing: Timing
  limits: Limits
  witness: LedgerWitness | undefined
  /** Whether this host begins the ledger, as its first voter. */
  founding: Founding
  gauges: Gauges
  /** Whom others take for the leader, when this host hears none itself. */
  rumouredLeader(): PeerId | undefined
  /** What others say that they hold. */
  claims(): readonly Claim[]
  /** There may be something new in the namespaces that agents heed. */
  onHeeded(): void
  onEvent(event: RaftEvent): void
  /** It has stopped by itself, or could not begin. */
  onStop(reason: StopReason): void
}

export class LedgerService implements Ledger {
  private readonly ports: LedgerPorts
  private readonly settings: LedgerSettings
  private readonly log: Log
  private readonly standing: Standing
  private readonly time: LedgerTime
  private readonly appending: Appending
  private readonly turns: Turns
  private readonly relief: Relief
  private readonly comparing: Comparing
  private comparison: Timer | undefined
  /** Being written down: the next start waits for it. */
  private noting: Promise<void> = Promise.resolve()
  /** Of this disk; 0 until it has been opened. */
  storage = 0
  damage: readonly Damage[] = []
  private begun = false
  /** The mesh was recovered without this host: what its disk holds is to be set aside. */
  private passed = false

  constructor(ports: LedgerPorts, settings: LedgerSettings, calls: Calls) {
    this.ports = ports
    this.settings = settings
    this.log = ports.log.child('ledger')
    this.standing = new Standing(settings.id, {
      electionMs: settings.timing.electionMs,
      connected: () => ports.network.connected(),
      rumouredLeader: () => settings.rumouredLeader(),
      onHeeded: () => settings.onHeeded(),
    })
    this.time = new LedgerTime(ports.clock)
    this.appending = new Appending(this.standing, ports.clock, this.time, calls)
    this.turns = new Turns(this.standing, ports.clock)
    this.relief = new Relief(this.standing, settings.gauges, ports.clock, this.log)
    this.comparing = new Comparing(this.standing, ports.clock, this.log)
  }

  async start(): Promise<void> {
    const { disk, entropy } = this.ports
    const { id, hello, ranks, timing, limits, founding, witness, onEvent } = this.settings
    const { standing } = this
    await this.noting
    const noted = await notedDivergence(disk)
    if (noted) throw this.stoppedBy(new StateDiverged(noted))
    standing.stopReason = undefined
    witness?.started()
    if (this.passed) await setAside(disk, { why: 'passed', wallMs: this.ports.clock.wall() })
    this.passed = false
    const hasLost = await this.beginAnewIfLost()
    const opened = await ConsensusStore.open(disk, entropy.stream('ledger'))
    const { store, storage } = opened
    this.storage = storage
    this.damage = hasLost ? ['log'] : opened.damage
    // Founding is for the first start alone: a disk that was emptied since is no founder's.
    const fresh = this.damage.length === 0 && !opened.restored && !this.begun
    this.begun = true
    const founders = { ...noConfig, voters: [{ id, storage }] }
    const found =
      opened.restored ?? (fresh && founding.founder ? await store.found(founders) : blank(noConfig))
    founding.done()
    const restored = await this.restore(store, found)
    for (const what of this.damage) this.log.error('the ledger on this disk is damaged', { what })
    this.comparing.begin()
    this.comparison = this.ports.clock.every(ledgerLimits.compareMs, () => this.compare())
    standing.voter = new Voter(
      this.ports,
      {
        id,
        storage,
        restored,
        timing,
        limits,
        hello,
        ranks,
        onEvent: (event) => {
          witness?.heard(event)
          onEvent(event)
          this.relief.heard(event)
          if (event.kind === 'role' || event.kind === 'transferEnded') this.turns.look()
          if (event.kind === 'role') standing.announceLeader()
        },
        ...(witness && { onReady: (ready, log) => witness.follows(ready, log) }),
        mayCopy: () => !standing.suspected,
        isFollowed: () => standing.isFollowed,
        onFailure: (error) => this.stoppedBy(error),
      },
      store,
      standing.replica,
    )
  }

  /**
   * A disk that has lost what was safe on it has forgotten votes and acknowledgements, and may not go
   * on under the number by which they are known. What is left is kept, for whoever recovers a mesh.
   */
  private async beginAnewIfLost(): Promise<boolean> {
    const { disk, clock } = this.ports
    if ((await disk.get(lostKey)) === undefined) return false
    await setAside(disk, { why: 'damaged', wallMs: clock.wall() })
    await disk.write([{ del: lostKey }], { durable: true })
    return true
  }

  /** The copy as of the snapshot, and what is to follow it. */
  private async restore(store: ConsensusStore, restored: Restored): Promise<Restored> {
    const { snapshot, hardState } = restored
    const replica = this.standing.use(new Replica(this.settings.witness))
    if (snapshot.index === 0) return restored
    try {
      await replica.restore(snapshot, verified(snapshot, store.readSnapshot()))
      return restored
    } catch (error) {
      if (!(error instanceof SnapshotDamaged)) throw error
      // The promise stays: this host does not vote before the leader has given it all back.
      this.damage = [...this.damage, 'snapshot']
      this.standing.use(new Replica(this.settings.witness))
      return { ...blank(noConfig), hardState: { ...hardState, commit: 0 } }
    }
  }

  /** Hands the lead over first, if there is somebody to take it. */
  async stop(): Promise<void> {
    const { voter } = this.standing
    this.standing.voter = undefined
    this.comparison?.cancel()
    this.relief.end()
    this.turns.look()
    if (!voter) return
    await handOver(voter, this.ports.clock)
    await voter.stop()
  }

  /** From now on, what people decide comes with their proof, wherever else it comes from. */
  guardAppends(guard: AppendGuard): void {
    this.appending.guard = guard
  }

  // ── The ledger ────────────────────────────────────────────────────────────────────────────────

  append(command: Command, options: AppendOptions): Promise<Appended> {
    return this.appending.append(command, options)
  }

  async read<Q extends Query>(query: Q, options: ReadOptions): Promise<ReadOutcome<ValueOf<Q>>> {
    const refusal = await readable(this.standing, this.ports.clock, options)
    if (refusal) return refusal
    return { kind: 'read', ...read(this.state, query) }
  }

  watch(from: Cursor | 'now', signal: AbortSignal): AsyncIterable<Watched> {
    return watched(this.standing, from, signal)
  }

  lead(onElected: (leadership: Leadership) => void): Candidacy {
    return this.turns.lead(onElected)
  }

  // ── For whoever looks after it ────────────────────────────────────────────────────────────────

  get id(): PeerId {
    return this.settings.id
  }

  get leads(): boolean {
    return this.standing.leads
  }

  /** Undefined while it is stopped. */
  status(): RaftStatus | undefined {
    return this.standing.voter?.status()
  }

  /** 0 while it is stopped. */
  get term(): number {
    return this.standing.voter?.term ?? 0
  }

  /** 0 while it is stopped. */
  get commit(): number {
    return this.standing.voter?.commit ?? 0
  }

  /** Who decides; another object after each change. Undefined while it is stopped. */
  get config(): Config | undefined {
    return this.standing.voter?.config
  }

  get stopped(): StopReason | undefined {
    return this.standing.stopReason
  }

  get state() {
    return this.standing.state
  }

  /** What this host would write now. Times in the state are to be compared with this. */
  now(): number {
    return this.time.now(this.state.timeMs)
  }

  get newestMark() {
    return this.standing.replica.newestMark
  }

  get leader(): PeerId | undefined {
    return this.standing.leader
  }

  /** Who leads by its own word, and in which term; undefined where none is heard. */
  heardLeader(): { leader: PeerId; term: number } | undefined {
    const { leader, term, leaderSilentMs = 0 } = this.standing.voter ?? {}
    if (leader === undefined || term === undefined) return undefined
    return leaderSilentMs < this.settings.timing.electionMs ? { leader, term } : undefined
  }

  reconfigure(target: Target, basedOn: number) {
    return this.standing.voter?.reconfigure(target, basedOn)
  }

  transfer(to: PeerId) {
    const begun = this.standing.voter?.transfer(to)
    this.turns.look()
    return begun
  }

  connectionChanged(peer: PeerId, kind: 'connected' | 'disconnected'): void {
    const { voter } = this.standing
    if (kind === 'connected') voter?.connected(peer)
    else voter?.disconnected(peer)
  }

  refusals(): Readonly<Record<string, number>> {
    return this.standing.voter?.refusals() ?? {}
  }

  private compare(): void {
    const divergence = this.comparing.compare(this.settings.claims())
    if (!divergence) return
    this.noting = this.note(divergence)
    this.standing.voter?.halt(new StateDiverged(divergence))
  }

  /** Keeps why, for all who ask. Returns what was given. */
  private stoppedBy<E>(error: E): E {
    const { standing } = this
    this.comparison?.cancel()
    this.relief.end()
    const reason = stopReasonOf(error)
    if (reason.kind === 'eraPassed') this.passed = true
    standing.stopReason = reason
    standing.announce()
    this.turns.look()
    this.settings.onStop(reason)
    return error
  }

  private async note(divergence: Divergence): Promise<void> {
    try {
      await noteDivergence(this.ports.disk, divergence)
    } catch (error) {
      this.log.error('the divergence is not written down', { why: String(error) })
    }
  }
}
