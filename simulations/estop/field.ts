/**
 * Many hosts under virtual time, each with the emergency stop's core of production and a disk that
 * loses what was not synced, over a network that loses frames and parts in two. Whole agents would be
 * too slow for a thousand; what surrounds the core in one is here as short as it can be: a sync takes
 * a while, killing takes a while, and a leader assigns work to whoever takes it.
 *
 * Invariant: everything that may never happen is looked for when it would, and kept in `violations`.
 */
import { EstopCore } from '../../protocol/estop/core.ts'
import type { EstopFrame } from '../../protocol/estop/messages.ts'
import type { StopWord } from '../../protocol/estop/word.ts'
import type { Trust } from '../../protocol/identity/credential.ts'
import { type PeerId, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { below } from '../../protocol/ports/entropy.ts'
import { SeededEntropy } from '../world/entropy.ts'
import { Scheduler } from '../world/scheduler.ts'

export interface FieldOptions {
  seed: string
  hosts: number
  /** Share of frames that vanish. */
  loss: number
  trust: Trust
  wallMs: number
}

export interface FieldHost {
  readonly index: number
  readonly id: PeerId
  readonly peers: Set<FieldHost>
  core: EstopCore
  isUp: boolean
  life: number
  /** What is on its disk. */
  readonly disk: Map<string, Uint8Array>
  /** When everything in scope was dead here, for the first time since the word was said. */
  stoppedMs: number | undefined
  /** Attempts that run. */
  running: number
}

/** One way, on a local network with a switch or two: base and spread; one in so many is very late. */
const DELAY_BASE_MS = 0.3
const DELAY_SPREAD_MS = 2
const DELAY_TAIL_ONE_IN = 200
const DELAY_TAIL_TIMES = 30
/** A sync, and from the first signal to the last process seen dead. */
const SYNC_MS = [2, 12] as const
const KILL_MS = [5, 40] as const
/** Each host is connected to all of so few, and to some of more. */
const PEERS_WANTED = 24
const ASSIGN_EVERY_MS = 20
const LOST_CONNECTION_MS = 5

export class Field {
  readonly scheduler = new Scheduler()
  readonly hosts: FieldHost[] = []
  readonly violations: string[] = []
  frames = 0
  /** Frames between these do not arrive. */
  isCut: (a: FieldHost, b: FieldHost) => boolean = () => false
  private readonly options: FieldOptions
  private readonly network: Entropy
  private readonly times: Entropy
  private readonly byId = new Map<PeerId, FieldHost>()

  constructor(options: FieldOptions) {
    this.options = options
    const entropy = new SeededEntropy(options.seed)
    this.network = entropy.stream('network')
    this.times = entropy.stream('times')
    const keys = entropy.stream('keys')
    for (let index = 0; index < options.hosts; index++) {
      const { id } = signerFromSeed(keys.bytes(32))
      const host: FieldHost = {
        index,
        id,
        peers: new Set(),
        core: this.newCore(id, []),
        isUp: true,
        life: 0,
        disk: new Map(),
        stoppedMs: undefined,
        running: 0,
      }
      this.hosts.push(host)
      this.byId.set(id, host)
    }
    this.wire(entropy.stream('wires'))
    for (const host of this.hosts) for (const peer of host.peers) this.meet(host, peer)
    this.scheduler.at(0, () => this.assign())
  }

  get nowMs(): number {
    return this.scheduler.nowMs
  }

  run(forMs: number): void {
    this.scheduler.runSync(this.nowMs + forMs)
  }

  /** By a person, at that host. */
  say(host: FieldHost, word: StopWord): void {
    host.core.said(word, this.nowMs, this.options.wallMs)
    this.drive(host)
  }

  /** Loses what is not on its disk, and everybody's connections to it. What runs there goes on. */
  crash(host: FieldHost): void {
    host.isUp = false
    host.life++
    for (const peer of host.peers) {
      this.later(peer, LOST_CONNECTION_MS, () => {
        if (!host.isUp) peer.core.disconnected(host.id)
      })
    }
  }

  restart(host: FieldHost): void {
    host.isUp = true
    host.life++
    host.core = this.newCore(host.id, host.disk.values())
    // What an earlier life has left running in scope is ended before anything else.
    for (const { id } of host.core.leftInForce()) this.kill(host, id)
    for (const peer of host.peers) {
      if (!peer.isUp) continue
      this.meet(host, peer)
      this.meet(peer, host)
    }
  }

  /** What a hostile peer with a certificate can do: say again what was said before. */
  replay(to: FieldHost, from: FieldHost, words: StopWord[]): void {
    this.send(from, to, { kind: 'words', value: { words } })
  }

  private newCore(self: PeerId, records: Iterable<Uint8Array>): EstopCore {
    const { trust } = this.options
    return new EstopCore({ self, trust, rules: { releasePeople: 1 } }, records, this.nowMs)
  }

  /** A ring, so that all hang together, and chance besides. */
  private wire(entropy: Entropy): void {
    const { hosts } = this
    const join = (a: FieldHost, b: FieldHost): void => {
      if (a === b) return
      a.peers.add(b)
      b.peers.add(a)
    }
    for (const [i, host] of hosts.entries()) {
      if (hosts.length <= PEERS_WANTED) for (const other of hosts) join(host, other)
      else join(host, hosts[(i + 1) % hosts.length]!)
    }
    if (hosts.length <= PEERS_WANTED) return
    for (const host of hosts) {
      while (host.peers.size < PEERS_WANTED / 2) join(host, hosts[below(entropy, hosts.length)]!)
    }
  }

  private meet(host: FieldHost, peer: FieldHost): void {
    host.core.connected(peer.id, this.nowMs)
    this.drive(host)
  }

  private drive(host: FieldHost): void {
    for (let ready = host.core.takeReady(); ready; ready = host.core.takeReady()) {
      for (const { to, frame } of ready.say) this.send(host, this.byId.get(to)!, frame)
      const { records, obey } = ready
      if (records.length === 0) continue
      this.later(host, this.between(SYNC_MS), () => {
        for (const { scope, record } of records) host.disk.set(scope, record)
        for (const { id, saying } of obey) {
          host.core.latched(id, this.nowMs)
          if (saying.act === 'raise') this.kill(host, id)
          else {
            host.core.done(id, 0, this.nowMs)
            host.stoppedMs = undefined
          }
        }
        this.drive(host)
      })
    }
    this.arm(host)
  }

  private arm(host: FieldHost): void {
    const dueMs = host.core.nextDueMs()
    if (dueMs === undefined) return
    this.later(host, Math.max(1, dueMs - this.nowMs), () => {
      if ((host.core.nextDueMs() ?? Number.POSITIVE_INFINITY) > this.nowMs) return
      host.core.tick(this.nowMs)
      this.drive(host)
    })
  }

  private kill(host: FieldHost, id: string): void {
    this.later(host, this.between(KILL_MS), () => {
      const killed = host.running
      host.running = 0
      host.stoppedMs ??= this.nowMs
      host.core.done(id, killed, this.nowMs)
      this.drive(host)
    })
  }

  /** The first host that lives leads: it gives work to all that it is connected to, and itself. */
  private assign(): void {
    const leader = this.hosts.find(({ isUp }) => isUp)
    if (leader !== undefined && !leader.core.latch.isAnyInForce) {
      this.begin(leader, leader)
      for (const peer of leader.peers) {
        if (this.isCut(leader, peer)) continue
        this.later(peer, this.delay(), () => this.begin(peer, leader))
      }
    }
    this.scheduler.at(this.nowMs + ASSIGN_EVERY_MS, () => this.assign())
  }

  private begin(host: FieldHost, leader: FieldHost): void {
    const { core } = host
    if (core.latch.isAnyInForce) return
    if (!core.hasHeardOf(leader.id)) {
      core.compareWith(leader.id, true)
      this.drive(host)
      return
    }
    if (leader.isUp && leader.core.latch.isAnyInForce && host.life > 0) {
      this.violations.push(
        `host ${host.index} has begun work after it came back to a stopped leader`,
      )
    }
    if (host.disk.size > 0 && host.stoppedMs !== undefined) {
      this.violations.push(`host ${host.index} has begun work while it is stopped`)
    }
    host.running++
  }

  private send(from: FieldHost, to: FieldHost, frame: EstopFrame): void {
    this.frames++
    const { loss, wallMs } = this.options
    if (this.network.unit() < loss || this.isCut(from, to) || !to.isUp) return
    this.later(to, this.delay(), () => {
      to.core.hear(from.id, frame, this.nowMs, wallMs)
      this.drive(to)
    })
  }

  /** Unless it has died meanwhile. */
  private later(host: FieldHost, ms: number, run: () => void): void {
    const { life } = host
    this.scheduler.at(this.nowMs + ms, () => {
      if (host.isUp && host.life === life) run()
    })
  }

  private delay(): number {
    const isLate = below(this.network, DELAY_TAIL_ONE_IN) === 0
    const spread = DELAY_SPREAD_MS * this.network.unit()
    return DELAY_BASE_MS + spread * (isLate ? DELAY_TAIL_TIMES : 1)
  }

  private between([least, most]: readonly [number, number]): number {
    return least + (most - least) * this.times.unit()
  }
}
