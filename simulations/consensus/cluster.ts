/**
 * Voters in one process under virtual time: a network that delays, loses, doubles and reorders,
 * disks that take their time and lose what was not synced, clocks that drift, hosts that die. The
 * driver in it is the one that ready.ts describes. Every step is checked.
 */

import type { Target } from '../../protocol/consensus/config.ts'
import { Raft, type ReadMode } from '../../protocol/consensus/core.ts'
import { type Limits, limits, type Timing, timing } from '../../protocol/consensus/limits.ts'
import { type Config, type Member, RaftFrame } from '../../protocol/consensus/messages.ts'
import {
  type ChunkOrder,
  chunkFrame,
  type Persist,
  type Ready,
} from '../../protocol/consensus/ready.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { SeededEntropy } from '../world/entropy.ts'
import { Checkers, ShadowLog } from './checkers.ts'
import { checksumOf, Machine } from './machine.ts'
import { Queue } from './queue.ts'
import { SimDisk } from './sim-disk.ts'

export interface Weather {
  loss: number
  doubling: number
  delayMinMs: number
  delayMaxMs: number
  /** Some messages take this long, so that they arrive in another time. */
  strayMs: number
  strays: number
  diskMinMs: number
  diskMaxMs: number
}

export const calm: Weather = {
  loss: 0,
  doubling: 0,
  delayMinMs: 1,
  delayMaxMs: 3,
  strayMs: 0,
  strays: 0,
  diskMinMs: 1,
  diskMaxMs: 2,
}

/** What the harness breaks on purpose, to show that a checker sees it. */
export interface Sabotage {
  /** Confirms writes that are not on the disk. */
  confirmEarly?: boolean
  /** A restarted voter has forgotten whom it voted for, and in which term. */
  forgetVote?: boolean
  /** A lost disk keeps its number. */
  keepNumber?: boolean
  /** Changes a message on its way. Undefined loses it. */
  tamper?: (from: PeerId, to: PeerId, frame: RaftFrame, cluster: Cluster) => RaftFrame | undefined
  /** Answers reads at once, from whatever is here. */
  readHere?: boolean
  /** Clocks run this much apart, whatever was promised. */
  drift?: number
  /** Skips the checks that see a fault early, so that those that see its consequences have a turn. */
  trusting?: boolean
  /** Applies an entry twice, or leaves one out. */
  stutter?: boolean
  /** A node's word on its commit index. */
  commitSeen?: (commit: number) => number
}

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

export class Host {
  readonly id: PeerId
  readonly index: number
  disk: SimDisk
  raft: Raft | undefined
  life = 0
  machine = new Machine()
  shadow = new ShadowLog()
  commit = 0
  rate = 1
  damaged = false
  writes: (() => void)[] = []
  writesUnderWay = 0
  wakeAt = Number.POSITIVE_INFINITY
  reads = new Map<number, { floor: number; mode: ReadMode }>()

  constructor(id: PeerId, index: number, disk: SimDisk) {
    this.id = id
    this.index = index
    this.disk = disk
  }

  get leads(): boolean {
    return this.raft?.status().role === 'leader'
  }
}

export class Cluster {
  readonly hosts: Host[] = []
  readonly byId = new Map<PeerId, Host>()
  readonly checkers = new Checkers()
  readonly timing: Timing
  readonly limits: Limits
  readonly entropy: SeededEntropy
  readonly sabotage: Sabotage
  weather: Weather
  now = 0
  steps = 0
  /** Directed pairs that are cut, as `from>to`. */
  readonly cuts = new Set<string>()
  /** Everything that happened, for a person to read. Kept only when asked for. */
  trace: string[] | undefined = undefined
  answeredReads = 0
  refusedReads = 0
  observe: (host: Host, ready: Ready) => void = () => {}
  intercept: (from: PeerId, to: PeerId, frame: RaftFrame) => boolean = () => true
  private readonly queue = new Queue()
  private readonly nets: SeededEntropy
  private readonly disks: SeededEntropy
  private nextRead = 1
  private nextStorage = 1

  constructor(options: ClusterOptions) {
    this.entropy = new SeededEntropy(`raft ${options.seed}`)
    this.nets = this.entropy.stream('network')
    this.disks = this.entropy.stream('disks')
    this.timing = { ...timing, ...options.timing }
    this.limits = { ...limits, ...options.limits }
    this.weather = { ...calm, ...options.weather }
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
    this.pump(host)
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
      if (other === host || this.nets.unit() < 0.2) continue
      const takes = this.weather.delayMaxMs * this.nets.unit()
      this.at(this.now + takes, () => this.input(other, act))
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
    this.cuts.add(`n${a}>n${b}`)
    this.cuts.add(`n${b}>n${a}`)
  }

  isolate(n: number): void {
    for (const host of this.hosts) if (host.index !== n - 1) this.cut(n, host.index + 1)
  }

  heal(): void {
    this.cuts.clear()
  }

  // ── Inputs ────────────────────────────────────────────────────────────────────────────────────

  private input<T>(host: Host, act: (raft: Raft, nowMs: number) => T): T | undefined {
    if (host.raft === undefined) return undefined
    const outcome = act(host.raft, this.localNow(host))
    this.pump(host)
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

  // ── The driver ────────────────────────────────────────────────────────────────────────────────

  private pump(host: Host): void {
    this.steps++
    const { raft } = host
    if (raft === undefined) return
    for (let turns = 0; ; turns++) {
      const ready = raft.takeReady()
      if (ready === undefined) break
      if (turns > 1_000) throw new Error('a core that is never done')
      this.carryOut(host, ready)
    }
    const { commit, configIndex } = raft.status()
    this.checkers.acts(host.id, configIndex, host.shadow)
    this.checkCommit(host, this.sabotage.commitSeen?.(commit) ?? commit)
    this.scheduleWake(host)
  }

  private carryOut(host: Host, ready: Ready): void {
    this.observe(host, ready)
    if (ready.persist) this.persist(host, ready.persist)
    for (const event of ready.events) {
      this.note(host, JSON.stringify(event))
      if (event.kind === 'role' && event.role === 'leader')
        this.checkers.elected(
          this.member(host.index + 1),
          event.term,
          host.shadow,
          this.sabotage.trusting === true,
        )
      if (event.kind === 'snapshotDue') this.snapshot(host)
      if (event.kind === 'misbehaviour' && event.what === 'divergence' && !this.sabotage.tamper)
        throw new Error(`${host.id} sees divergence`)
    }
    for (const { to, frame } of ready.send) {
      if (!this.sabotage.trusting) this.checkers.promised(host.id, to, frame, host.disk)
      if (frame.kind === 'voteAnswer' && frame.value.granted)
        this.checkers.voted(`${host.id} disk ${host.disk.storage}`, frame.value.term, to)
      this.send(host, to, frame)
    }
    for (const order of ready.chunks) this.sendChunk(host, order)
    const term = host.raft?.status().term ?? 0
    for (const apply of ready.apply) {
      if (apply.kind === 'snapshot') {
        host.machine.restore(host.disk.snapshotData)
        this.checkers.begins(host.id, host.machine.index)
      } else
        apply.entries.forEach((entry, i) => {
          if (host.machine.index !== apply.firstIndex + i - 1)
            throw new Error('applied out of turn')
          this.checkers.applied(host.id, apply.firstIndex + i, entry, term, host.disk)
          host.machine.apply(entry)
          if (this.sabotage.stutter && this.disks.unit() < 0.02) host.machine.digest ^= 1
        })
      this.checkers.stateAt(host.id, host.machine.index, host.machine.digest)
    }
    for (const { id } of ready.reads) {
      const read = host.reads.get(id)
      if (read === undefined) throw new Error('a read that nobody asked for')
      host.reads.delete(id)
      this.answeredReads++
      this.checkers.read(host.id, read.floor, host.machine.index)
    }
    for (const { id } of ready.refusedReads) {
      if (!host.reads.delete(id)) throw new Error('a read refused twice')
      this.refusedReads++
    }
  }

  private persist(host: Host, persist: Persist): void {
    const { shadow, disk, life } = host
    if (persist.snapshot) {
      this.checkers.installs(host.id, persist.snapshot, shadow)
      shadow.reset(persist.snapshot)
    }
    shadow.truncateFrom(persist.firstIndex)
    persist.entries.forEach((entry, i) => {
      const index = persist.firstIndex + i
      if (!this.sabotage.trusting)
        this.checkers.appended(host.id, index, entry, shadow.termAt(index - 1) ?? -1)
      const before = shadow.config
      shadow.push(entry)
      if (shadow.config !== before) this.checkers.reconfigured(before.config, shadow.config.config)
    })
    const batch = { persist }
    disk.write(batch)
    const confirm = () => {
      if (host.life !== life) return
      this.input(host, (raft, now) => raft.persisted(persist.number, now))
    }
    if (this.sabotage.confirmEarly) this.at(this.now, confirm)
    this.whenWritten(host, () => {
      if (persist.sync) disk.sync(batch)
      if (!this.sabotage.confirmEarly) confirm()
    })
  }

  /** One sync at a time; what comes meanwhile shares the next. */
  private whenWritten(host: Host, done: () => void): void {
    host.writes.push(done)
    if (host.writes.length === host.writesUnderWay + 1 && host.writesUnderWay === 0)
      this.beginSync(host)
  }

  private beginSync(host: Host): void {
    const { diskMinMs, diskMaxMs } = this.weather
    const { life } = host
    host.writesUnderWay = host.writes.length
    const takes = diskMinMs + (diskMaxMs - diskMinMs) * this.disks.unit()
    this.at(this.now + takes, () => {
      if (host.life !== life) return
      const done = host.writes.splice(0, host.writesUnderWay)
      host.writesUnderWay = 0
      for (const act of done) if (host.life === life) act()
      if (host.writes.length > 0 && host.writesUnderWay === 0) this.beginSync(host)
    })
  }

  snapshot(host: Host): void {
    const { raft, machine, disk } = host
    const position = raft?.snapshotPosition(machine.index)
    if (position === undefined) return
    const data = machine.snapshot()
    const meta = { ...position, bytes: data.length, checksum: checksumOf(data) }
    const batch = { own: meta, data }
    disk.write(batch)
    this.whenWritten(host, () => {
      disk.sync(batch)
      host.raft?.snapshotTaken(meta)
      this.pump(host)
    })
  }

  private sendChunk(host: Host, order: ChunkOrder): void {
    const { disk } = host
    if (disk.snapshot.checksum !== order.snapshot.checksum) return
    const data = disk.snapshotData.subarray(order.offset, order.offset + order.length)
    this.send(host, order.to, chunkFrame(order, data))
  }

  private scheduleWake(host: Host): void {
    if (host.raft === undefined) return
    const local = host.raft.wakeAtMs
    if (local === Number.POSITIVE_INFINITY) return
    const at = Math.max(this.now, local / host.rate) + 0.001
    if (host.wakeAt <= at && host.wakeAt > this.now) return
    host.wakeAt = at
    const { life } = host
    this.at(at, () => {
      if (host.life !== life || host.wakeAt !== at) return
      host.wakeAt = Number.POSITIVE_INFINITY
      this.input(host, (raft, now) => raft.tick(now))
    })
  }

  // ── The network ───────────────────────────────────────────────────────────────────────────────

  private send(host: Host, to: PeerId, frame: RaftFrame): void {
    const sent = this.sabotage.tamper ? this.sabotage.tamper(host.id, to, frame, this) : frame
    if (sent === undefined || !this.intercept(host.id, to, sent)) return
    this.inject(host.id, to, sent)
  }

  /** Lets a message travel, as if `from` had sent it now. */
  inject(from: PeerId, to: PeerId, frame: RaftFrame): void {
    const { loss, doubling, delayMinMs, delayMaxMs, strays, strayMs } = this.weather
    if (this.cuts.has(`${from}>${to}`) || this.nets.unit() < loss) return
    const bytes = encode(RaftFrame, frame)
    for (let copies = this.nets.unit() < doubling ? 2 : 1; copies > 0; copies--) {
      let takes = delayMinMs + (delayMaxMs - delayMinMs) * this.nets.unit()
      if (strays > 0 && this.nets.unit() < strays) takes += strayMs * this.nets.unit()
      this.at(this.now + takes, () => this.deliver(from, to, bytes))
    }
  }

  private deliver(from: PeerId, to: PeerId, bytes: Uint8Array): void {
    const host = this.byId.get(to)
    if (host?.raft === undefined || this.cuts.has(`${from}>${to}`)) return
    const decoded = decode(RaftFrame, bytes)
    if (!decoded.ok) throw new Error(`a frame that cannot be read: ${decoded.why}`)
    this.input(host, (raft, now) => raft.receive(from, decoded.value, now))
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

  private checkCommit(host: Host, commit: number): void {
    this.checkers.commitMoved(host.id, commit)
    const { raft, shadow } = host
    if (raft && commit > this.checked && host.leads) {
      const { config } = raft.status()
      for (let index = this.checked + 1; index <= commit; index++) {
        const term = shadow.termAt(index)
        if (term === undefined || this.sabotage.keepNumber) continue
        this.checkers.durable(index, term, config, (id, storage) => {
          const holder = this.byId.get(id)
          return holder?.disk.storage !== storage || holder.disk.held(index, term)
        })
      }
      this.checked = commit
    }
    host.commit = commit
  }
  private checked = 0

  private note(host: Host, what: string): void {
    this.trace?.push(`${this.now.toFixed(2)} ${host.id} ${what}`)
  }
}
