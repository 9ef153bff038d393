/**
 * Lets a schedule of faults happen to a mesh. Faults may overlap: a host is up again when the last
 * of those that hold it down has ended, a wire whole when nothing cuts it any more.
 */
import {
  blockPrefix,
  chunkPrefix,
  hardStateKey,
  identityKey,
  snapshotKey,
} from '../../agent/consensus/keys.ts'
import { assert } from '../../protocol/assert.ts'
import { type Entropy, pick } from '../../protocol/ports/entropy.ts'
import { resetConnections } from '../world/faults.ts'
import type { CrashKind, Host } from '../world/host.ts'
import type { DiskOptions } from '../world/platter.ts'
import type { World } from '../world/world.ts'
import { Ambushes } from './ambushes.ts'
import { describeFault, type Fault, type Moment, type Rot, type WorkMoment } from './fault.ts'
import { Meddler } from './meddler.ts'
import type { SimulatedMesh } from './mesh.ts'
import { type Pace, Paces } from './pace.ts'

const rotten: Readonly<Record<Rot, string>> = {
  log: blockPrefix,
  hard: hardStateKey,
  snapshot: snapshotKey,
  chunk: chunkPrefix,
  identity: identityKey,
}

interface Plight {
  readonly down: Set<Fault>
  readonly paused: Set<Fault>
}

export class Storm {
  /** What goes on now. */
  readonly active = new Set<Fault>()
  private readonly world: World
  private readonly entropy: Entropy
  private readonly plights: ReadonlyMap<Host, Plight>
  /** Every disk, when nothing is the matter with it. */
  private readonly disk: DiskOptions
  private readonly cuts = new Map<string, number>()
  private readonly meddler: Meddler
  private readonly ambushes: Ambushes
  private readonly paces: Paces

  constructor(mesh: SimulatedMesh, faults: readonly Fault[]) {
    const { world } = mesh
    this.world = world
    this.meddler = new Meddler(mesh)
    this.ambushes = new Ambushes(world, this.meddler, (fault, atOnce) => {
      if (atOnce) this.begin(fault, describeFault(fault))
      else this.let(fault)
    })
    this.entropy = world.entropy.stream('storm')
    const [first] = world.hosts
    assert(first !== undefined, 'a mesh has hosts')
    this.disk = first.platter.options
    this.plights = new Map(
      world.hosts.map((host) => [host, { down: new Set<Fault>(), paused: new Set<Fault>() }]),
    )
    this.paces = new Paces(faults)
    for (const fault of faults) this.let(fault)
  }

  /** Of clients, now. */
  get pace(): Pace {
    return this.paces.at(this.world.nowMs, this.active)
  }

  /** It happens to a host, now: somebody may have waited for that. */
  noticed(moment: Moment | WorkMoment, host: Host): void {
    if (moment === 'stands' || moment === 'leads') this.paces.stirred(this.world.nowMs)
    this.ambushes.noticed(moment, host)
  }

  private let(fault: Fault): void {
    const what = describeFault(fault)
    const { world } = this
    world.plan(fault.atMs - world.nowMs, 'fault', what, () => this.begin(fault, what))
  }

  private begin(fault: Fault, what: string): void {
    this.active.add(fault)
    this.paces.stirred(this.world.nowMs)
    this.strike(fault)
    this.world.plan(fault.forMs, 'fault', `over: ${what}`, () => {
      this.active.delete(fault)
      this.paces.stirred(this.world.nowMs)
      this.relieve(fault)
    })
  }

  private strike(fault: Fault): void {
    switch (fault.kind) {
      case 'kill':
      case 'powerLoss':
        return this.takeDown(this.world.host(fault.host), fault, fault.kind)
      case 'blackout':
        for (const host of this.world.hosts) this.takeDown(host, fault, 'powerLoss')
        return
      case 'rot':
        this.takeDown(this.world.host(fault.host), fault, 'powerLoss')
        return this.rot(this.world.host(fault.host), fault.of)
      case 'newDisk':
        this.takeDown(this.world.host(fault.host), fault, 'powerLoss')
        this.world.host(fault.host).blobs.replace()
        return this.world.host(fault.host).platter.replace()
      case 'pause': {
        const host = this.world.host(fault.host)
        this.plightOf(host).paused.add(fault)
        return host.pause()
      }
      case 'slowDisk':
        return this.turnDisk(this.world.host(fault.host))
      case 'fullDisk': {
        const { platter } = this.world.host(fault.host)
        platter.options = { ...platter.options, capacityBytes: platter.usedBytes }
        return
      }
      case 'calendar':
        this.world.host(fault.host).time.wallOffsetMs += fault.byMs
        return
      case 'cut':
        return this.eachCut(fault, (from, to) => this.cut(from, to))
      case 'weather':
        return this.blow()
      case 'reset':
        return resetConnections(this.world.host(fault.one), this.world.host(fault.other))
      case 'ambush':
        return this.ambushes.lay(fault)
      case 'meddling':
        return this.meddler.begin(fault)
      case 'rush':
        return
    }
  }

  private relieve(fault: Fault): void {
    switch (fault.kind) {
      case 'kill':
      case 'powerLoss':
      case 'rot':
      case 'newDisk':
        return this.bringUp(this.world.host(fault.host), fault)
      case 'blackout':
        for (const host of this.world.hosts) this.bringUp(host, fault)
        return
      case 'pause': {
        const host = this.world.host(fault.host)
        const { paused } = this.plightOf(host)
        paused.delete(fault)
        if (paused.size === 0) host.resume()
        return
      }
      case 'slowDisk':
        return this.turnDisk(this.world.host(fault.host))
      case 'fullDisk': {
        const { platter } = this.world.host(fault.host)
        platter.options = { ...platter.options, capacityBytes: this.disk.capacityBytes }
        return
      }
      case 'calendar':
        this.world.host(fault.host).time.wallOffsetMs -= fault.byMs
        return
      case 'cut':
        return this.eachCut(fault, (from, to) => this.heal(from, to))
      case 'weather':
        return this.blow()
      case 'ambush':
        return this.ambushes.lift(fault)
      case 'meddling':
        return this.meddler.end(fault)
      case 'reset':
      case 'rush':
        return
    }
  }

  // ── Hosts ─────────────────────────────────────────────────────────────────────────────────────

  private takeDown(host: Host, fault: Fault, kind: CrashKind): void {
    this.plightOf(host).down.add(fault)
    const runs = host.state === 'up' || host.state === 'paused'
    if (runs || (host.state === 'stopped' && kind === 'powerLoss')) host.crash(kind)
  }

  private bringUp(host: Host, fault: Fault): void {
    const { down, paused } = this.plightOf(host)
    down.delete(fault)
    if (down.size > 0 || host.state === 'up' || host.state === 'paused') return
    host.restart()
    if (paused.size > 0) host.pause()
  }

  private rot(host: Host, of: Rot): void {
    const key = pick(this.entropy, host.platter.keysOf(rotten[of]))
    if (key !== undefined) host.platter.flipBit(key)
  }

  /** As slow as the slowest of what slows it now. */
  private turnDisk({ name, platter }: Host): void {
    let factor = 1
    for (const fault of this.active)
      if (fault.kind === 'slowDisk' && fault.host === name) factor = Math.max(factor, fault.factor)
    const { writeMs, syncMs } = this.disk
    platter.options = { ...platter.options, writeMs: writeMs * factor, syncMs: syncMs * factor }
  }

  private plightOf(host: Host): Plight {
    const plight = this.plights.get(host)
    assert(plight !== undefined, 'a storm knows all hosts of its world', { host: host.name })
    return plight
  }

  // ── Wires ─────────────────────────────────────────────────────────────────────────────────────

  private eachCut(
    fault: Extract<Fault, { kind: 'cut' }>,
    act: (from: Host, to: Host) => void,
  ): void {
    for (const from of fault.from) {
      for (const to of fault.to) {
        act(this.world.host(from), this.world.host(to))
        if (fault.both) act(this.world.host(to), this.world.host(from))
      }
    }
  }

  private cut(from: Host, to: Host): void {
    const way = `${from.name} ${to.name}`
    this.cuts.set(way, (this.cuts.get(way) ?? 0) + 1)
    this.world.wires.cut(from, to)
  }

  private heal(from: Host, to: Host): void {
    const way = `${from.name} ${to.name}`
    const left = (this.cuts.get(way) ?? 0) - 1
    this.cuts.set(way, left)
    if (left === 0) this.world.wires.heal(from, to)
  }

  /** Every wire as its weather of this moment has it; later faults count on top of earlier ones. */
  private blow(): void {
    const { wires, hosts } = this.world
    const weathers = [...this.active].filter((fault) => fault.kind === 'weather')
    for (const from of hosts) {
      for (const to of hosts) {
        if (from === to) continue
        const here = weathers.filter(({ host }) => [from.name, to.name, 'all'].includes(host))
        wires.restore(from, to, Object.assign({}, ...here.map(({ link }) => link)))
      }
    }
  }
}
