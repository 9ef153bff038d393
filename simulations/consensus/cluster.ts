/**
 * Voters in one process under virtual time: a network that delays, loses, doubles and reorders
 * (`wires.ts`), disks that take their time and lose what was not synced, clocks that drift, hosts
 * that die. Every step is checked (`driver.ts`).
 */
import type { Target } from '../../protocol/consensus/config.ts'
import { Raft, type ReadMode } from '../../protocol/consensus/core.ts'
import { type Limits, limits, type Timing, timing } from '../../protocol/consensus/limits.ts'
import type { Config, Member, RaftFrame } from '../../protocol/consensus/messages.ts'
import type { Ready } from '../../protocol/consensus/ready.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { SeededEntropy } from '../world/entropy.ts'
import { Checkers, ShadowLog } from './checkers.ts'
import { Driver } from './driver.ts'
import { Host } from './host.ts'
import { Machine } from './machine.ts'
import { Queue } from './queue.ts'
import type { Sabotage } from './sabotage.ts'
import { SimDisk } from './sim-disk.ts'
import { calm, type Weather, Wires } from './wires.ts'

export interface ClusterOptions {
  seed: string | number
  nodes: number
  /** How many of them found the mesh as voters; the others are blank. */
  founders?: number
  limits?: Partial<Limits>
  timing?: Partial<Timing>
  weather?: Partial<Weather>
  sabotage?: Sabotage
}

export class Cluster {
  readonly hosts: Host[] = []
  readonly byId = new Map<PeerId, Host>()
  readonly checkers = new Checkers()
  readonly timing: Timing
  readonly limits: Limits
  readonly entropy: SeededEntropy
  readonly sabotage: Sabotage
  readonly wires: Wires
  now = 0
  steps = 0
  /** Everything that happened, for a person to read. Kept only when asked for. */
  trace: string[] | undefined = undefined
  answeredReads = 0
  refusedReads = 0
  observe: (host: Host, ready: Ready) => void = () => {}
  intercept: (from: PeerId, to: PeerId, frame: RaftFrame) => boolean = () => true
  private readonly queue = new Queue()
  private readonly driver: Driver
  private readonly disks: SeededEntropy
  private nextRead = 1
  private nextStorage = 1

  constructor(options: ClusterOptions) {
    this.entropy = new SeededEntropy(`raft ${options.seed}`)
    this.disks = this.entropy.stream('disks')
    this.driver = new Driver(this, this.disks)
    this.wires = new Wires(
      { ...calm, ...options.weather },
      this.entropy.stream('network'),
      (takesMs, act) => this.at(this.now + takesMs, act),
      (from, to, frame) => this.deliver(from, to, frame),
    )
    this.timing = { ...timing, ...options.timing }
    this.limits = { ...limits, ...options.limits }
    this.sabotage = options.sabotage ?? {}
    const members: Member[] = []
    for (let i = 0; i < options.nodes; i++)
      members.push({ id: `n${i + 1}` as PeerId, storage: this.nextStorage++ })
    const founders = options.founders ?? options.nodes
    const config: Config = { voters: members.slice(0, founders), outgoing: [], learners: [] }
    const none: Config = { voters: [], outgoing: [], learners: [] }
    members.forEach(({ id, storage }, i) => {
      const host = new Host(id, i, new SimDisk(storage, i < founders ? config : none))
      this.hosts.push(host)
      this.byId.set(id, host)
    })
    const drift = this.sabotage.drift ?? this.timing.clockDriftMax
    const clocks = this.entropy.stream('clocks')
    // In half of all clusters each is as slow, or as fast, as it may be.
    const rounded = clocks.unit() < 0.5 ? Math.round : (share: number) => share
    for (const host of this.hosts) host.rate = 1 + drift * (2 * rounded(clocks.unit()) - 1)
  }

  // ── Hosts ─────────────────────────────────────────────────────────────────────────────────────

  startAll(): void {
    for (const host of this.hosts) if (host.raft === undefined) this.start(host)
  }

  localNow(host: Host): number {
    return this.now * host.rate
  }

  start(host: Host): void {
    host.life++
    const restored = host.disk.restored()
    if (this.sabotage.forgetVote)
      restored.hardState = {
        ...restored.hardState,
        vote: undefined,
        term: Math.max(0, restored.hardState.term - 1),
      }
    host.machine = new Machine()
    host.machine.restore(host.disk.snapshotData)
    this.checkers.died(host.id)
    this.checkers.begins(host.id, host.machine.index)
    host.shadow = new ShadowLog()
    host.shadow.reset(restored.snapshot)
    for (const entry of restored.entries) host.shadow.push(entry)
    host.commit = 0
    host.writes = []
    host.writesUnderWay = 0
    host.wakeAt = Number.POSITIVE_INFINITY
    host.reads.clear()
    host.raft = new Raft(
      {
        id: host.id,
        storage: host.disk.storage,
        timing: this.timing,
        limits: this.limits,
      },
      restored,
      this.entropy.stream(`${host.id} ${host.life}`),
      this.localNow(host),
    )
    this.note(host, `starts, life ${host.life}`)
    this.driver.pump(host)
    this.noticed(host, (raft, now) => raft.reachable(host.id, now))
  }

  crash(host: Host): void {
    if (host.raft === undefined) return
    host.raft = undefined
    host.life++
    host.disk.crash((pending) => Math.floor(this.disks.unit() * (pending + 1)))
    this.note(host, 'crashes')
    this.noticed(host, (raft, now) => raft.unreachable(host.id, now))
  }

  /** Who is connected to a host soon notices that it went or came, most of the time. */
  private noticed(host: Host, act: (raft: Raft, nowMs: number) => void): void {
    for (const other of this.hosts) {
      const takesMs = other === host ? undefined : this.wires.noticedAfter()
      if (takesMs !== undefined) this.at(this.now + takesMs, () => this.input(other, act))
    }
  }

  /** The disk comes back empty: another number, nothing remembered. */
  wipe(host: Host): void {
    this.crash(host)
    const none: Config = { voters: [], outgoing: [], learners: [] }
    const storage = this.sabotage.keepNumber ? host.disk.storage : this.nextStorage++
    host.disk = new SimDisk(storage, none)
    this.note(host, 'loses its disk')
  }

  get leader(): Host | undefined {
    let found: Host | undefined
    for (const host of this.hosts) {
      if (!host.leads) continue
      const term = host.raft?.status().term ?? 0
      if (found === undefined || term > (found.raft?.status().term ?? 0)) found = host
    }
    return found
  }

  host(n: number): Host {
    return this.hosts[n - 1] as Host
  }

  member(n: number): Member {
    const host = this.host(n)
    return { id: host.id, storage: host.disk.storage }
  }

  cut(a: number, b: number): void {
    this.wires.cuts.add(`n${a}>n${b}`)
    this.wires.cuts.add(`n${b}>n${a}`)
  }

  isolate(n: number): void {
    for (const host of this.hosts) if (host.index !== n - 1) this.cut(n, host.index + 1)
  }

  heal(): void {
    this.wires.cuts.clear()
  }

  // ── Inputs ────────────────────────────────────────────────────────────────────────────────────

  input<T>(host: Host, act: (raft: Raft, nowMs: number) => T): T | undefined {
    if (host.raft === undefined) return undefined
    const outcome = act(host.raft, this.localNow(host))
    this.driver.pump(host)
    return outcome
  }

  propose(host: Host, text: string, client?: string) {
    const data = Buffer.from(text)
    const proposal = client === undefined ? { data } : { data, client, serial: 1 }
    return this.input(host, (raft, now) => raft.propose([proposal], now))
  }

  reconfigure(host: Host, target: Target) {
    return this.input(host, (raft, now) => raft.reconfigure(target, raft.status().configIndex, now))
  }

  transfer(host: Host, target: PeerId) {
    return this.input(host, (raft, now) => raft.transfer(target, now))
  }

  read(host: Host, mode: ReadMode) {
    const id = this.nextRead++
    const floor = this.checkers.commitMax
    if (this.sabotage.readHere && host.raft) {
      this.checkers.read(host.id, floor, host.machine.index)
      return undefined
    }
    return this.input(host, (raft, now) => {
      const outcome = raft.read(id, mode, now)
      if (outcome.ok) host.reads.set(id, { floor, mode })
      return outcome
    })
  }

  private deliver(from: PeerId, to: PeerId, frame: RaftFrame): void {
    const host = this.byId.get(to)
    if (host?.raft !== undefined) this.input(host, (raft, now) => raft.receive(from, frame, now))
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────

  at(time: number, act: () => void): void {
    this.queue.add(time, act)
  }

  run(forMs: number): void {
    const end = this.now + forMs
    while (this.queue.nextAt <= end) {
      const next = this.queue.take()
      this.now = Math.max(this.now, next.at)
      next.act()
    }
    this.now = end
  }

  /** Runs until it holds; false when it does not in time. */
  runUntil(holds: () => boolean, withinMs: number): boolean {
    const end = this.now + withinMs
    while (!holds()) {
      if (this.now >= end) return false
      this.run(Math.min(5, end - this.now))
    }
    return true
  }

  note(host: Host, what: string): void {
    this.trace?.push(`${this.now.toFixed(2)} ${host.id} ${what}`)
  }
}
