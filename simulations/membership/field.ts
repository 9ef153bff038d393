/**
 * Many members under virtual time: the membership core alone, as it runs in every agent, over a
 * network that loses frames and on hosts that pause and die. No promise is used, so that a
 * thousand of them fit in less than real time.
 *
 * Signatures are left out here (a thousand nodes on one core would measure Ed25519); everything
 * else is what production runs.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { Membership } from '../../protocol/membership/core.ts'
import {
  type Digest,
  type OpenedProfile,
  type Seal,
  type Signed,
  sealWith,
} from '../../protocol/membership/digest.ts'
import { MembershipFrame } from '../../protocol/membership/messages.ts'
import type { MembershipEvent } from '../../protocol/membership/outbox.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { below } from '../../protocol/ports/entropy.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { SeededEntropy } from '../world/entropy.ts'
import { type Scheduled, Scheduler } from '../world/scheduler.ts'

export interface FieldOptions {
  seed: string | number
  nodes: number
  /** Share of frames that vanish. */
  loss: number
  lifeguard: boolean
  probeIntervalMs: number
}

export interface FieldHost {
  readonly index: number
  readonly id: PeerId
  core: Membership
  state: 'up' | 'paused' | 'down'
  /** Since when it has run without a pause. */
  upSinceMs: number
  incarnation: number
  queue: { from: PeerId; frame: MembershipFrame }[]
  wake?: Scheduled
}

export type Observer = (observer: FieldHost, event: MembershipEvent) => void

/** One way, on a local network with a switch or two: base and spread of the delay. */
const DELAY_BASE_MS = 0.3
const DELAY_SPREAD_MS = 2
/** One frame in this many is late by up to a hundred times as much. */
const DELAY_TAIL_ONE_IN = 200
/** Bytes are counted exactly on one frame in this many. */
const MEASURED_ONE_IN = 16

const noSignature = new Uint8Array(64)
const unsigned = sealWith({ sign: () => noSignature, verify: () => true })

/**
 * A thousand members open the same records. Here a record is one object wherever it goes, so it is
 * opened once, and all hold the same digest: one core has neither the time nor the memory of all.
 */
function openedOnce(): Seal {
  const digests = new WeakMap<Signed, Digest>()
  const profiles = new WeakMap<Uint8Array, OpenedProfile>()
  return {
    seal: unsigned.seal,
    openDigest(signed) {
      const known = digests.get(signed)
      if (known) return known
      const digest = unsigned.openDigest(signed)
      if (typeof digest === 'object') digests.set(signed, digest)
      return digest
    },
    openProfile(packed) {
      const known = profiles.get(packed)
      if (known) return known
      const opened = unsigned.openProfile(packed)
      if (opened) profiles.set(packed, opened)
      return opened
    },
  }
}

export class Field {
  readonly scheduler = new Scheduler()
  readonly hosts: FieldHost[] = []
  observe: Observer = () => {}
  /** Of one that others reach, and the observer does not hear. */
  observeUnheard: (observer: FieldHost, peer: PeerId) => void = () => {}
  framesSent = 0
  private readonly seal = openedOnce()
  private bytesMeasured = 0
  private framesMeasured = 0
  private readonly options: FieldOptions
  private readonly entropy: Entropy
  private readonly network: Entropy
  private readonly byId = new Map<PeerId, FieldHost>()
  /** Ways that are cut, by sender. */
  private readonly cuts = new Map<FieldHost, Set<FieldHost>>()

  constructor(options: FieldOptions) {
    this.options = options
    this.entropy = new SeededEntropy(options.seed)
    this.network = this.entropy.stream('network')
    for (let index = 0; index < options.nodes; index++) this.addHost(index)
  }

  get nowMs(): number {
    return this.scheduler.nowMs
  }

  /** Starts every host, spread over `overMs`, each greeting a few that may or may not be up yet. */
  startAll(overMs: number): void {
    const start = this.entropy.stream('start')
    for (const host of this.hosts) {
      const atMs = host.index < SEEDS ? 0 : start.unit() * overMs
      this.scheduler.at(atMs, () => this.boot(host))
    }
  }

  pause(host: FieldHost): void {
    if (host.state === 'up') host.state = 'paused'
  }

  /** As after SIGCONT: what was due fires first, then what waited in the sockets is read. */
  resume(host: FieldHost): void {
    if (host.state !== 'paused') return
    host.state = 'up'
    host.upSinceMs = this.nowMs
    this.wake(host)
    const queue = host.queue
    host.queue = []
    for (const { from, frame } of queue) this.deliver(host, from, frame)
  }

  /** Power loss: no farewell, no refused connection, silence. */
  crash(host: FieldHost): void {
    host.state = 'down'
    host.queue = []
    if (host.wake) this.scheduler.cancel(host.wake)
    delete host.wake
  }

  /** One way: nothing that `from` sends reaches `to` any more. */
  cut(from: FieldHost, to: FieldHost): void {
    const lost = this.cuts.get(from) ?? new Set()
    this.cuts.set(from, lost.add(to))
  }

  heal(from: FieldHost, to: FieldHost): void {
    this.cuts.get(from)?.delete(to)
  }

  boot(host: FieldHost): void {
    host.incarnation++
    host.core = this.makeCore(host)
    host.state = 'up'
    host.upSinceMs = this.nowMs
    const seeds = this.entropy.stream(`boot/${host.index}/${host.incarnation}`)
    for (let i = 0; i < SEEDS; i++) {
      const peer = this.hosts[
        host.incarnation === 1 ? i : below(seeds, this.hosts.length)
      ] as FieldHost
      host.core.greet(peer.id, this.nowMs)
    }
    this.flush(host)
  }

  /** Mean bytes of a frame, frame header included, over the frames that were measured. */
  bytesPerFrame(): number {
    return this.framesMeasured === 0 ? 0 : this.bytesMeasured / this.framesMeasured
  }

  forgetTraffic(): void {
    this.framesSent = 0
    this.bytesMeasured = 0
    this.framesMeasured = 0
  }

  private addHost(index: number): void {
    const id = `sim-${String(index).padStart(48, '0')}` as PeerId
    const host: FieldHost = {
      index,
      id,
      core: undefined as never,
      state: 'down',
      upSinceMs: 0,
      incarnation: 0,
      queue: [],
    }
    this.hosts.push(host)
    this.byId.set(id, host)
  }

  private makeCore(host: FieldHost): Membership {
    const self = {
      id: host.id,
      seal: this.seal,
      wireVersion: 1,
      incarnation: host.incarnation,
      profile: {
        name: `n${host.index}`,
        addresses: [`/sim/n${host.index}`],
        labels: {},
        agentVersion: '0.1.0',
        platform: 'simulated',
        cores: 2,
        memoryBytes: 8 * 2 ** 30,
      },
    }
    const entropy = this.entropy.stream(`host/${host.index}/${host.incarnation}`)
    const core = new Membership(self, entropy, this.nowMs, this.options)
    core.report(LOAD, 0, this.nowMs)
    return core
  }

  private wake(host: FieldHost): void {
    if (host.state !== 'up' || this.nowMs < host.core.wakeAtMs) return
    host.core.wake(this.nowMs)
    this.flush(host)
  }

  private deliver(host: FieldHost, from: PeerId, frame: MembershipFrame): void {
    if (host.state === 'down') return
    if (host.state === 'paused') {
      host.queue.push({ from, frame })
      return
    }
    host.core.receive(from, frame, this.nowMs)
    this.flush(host)
  }

  /** Sends and tells what the host’s core has put out. Call after driving a core by hand. */
  flush(host: FieldHost): void {
    const { sends, events, faults, unheard } = host.core.takeOutput()
    for (const { to, frame } of sends) this.send(host, to, frame)
    for (const event of events) this.observe(host, event)
    for (const peer of unheard) this.observeUnheard(host, peer)
    if (faults.length > 0) throw new Error(`${host.id} was told off: ${faults[0]?.why}`)
    const { wakeAtMs } = host.core
    if (host.wake?.run && host.wake.atMs <= wakeAtMs) return
    if (host.wake) this.scheduler.cancel(host.wake)
    delete host.wake
    // One that has left has nothing more to do.
    if (Number.isFinite(wakeAtMs)) host.wake = this.scheduler.at(wakeAtMs, () => this.woken(host))
  }

  private woken(host: FieldHost): void {
    delete host.wake
    if (host.state !== 'up') return
    if (this.nowMs >= host.core.wakeAtMs) this.wake(host)
    else this.flush(host)
  }

  private send(from: FieldHost, to: PeerId, frame: MembershipFrame): void {
    this.framesSent++
    if (this.framesSent % MEASURED_ONE_IN === 0) {
      const bytes = encode(MembershipFrame, frame).length
      this.bytesMeasured += bytes + (bytes < 128 ? 1 : bytes < 16_384 ? 2 : 3)
      this.framesMeasured++
    }
    const { network } = this
    if (network.unit() < this.options.loss) return
    const target = this.byId.get(to)
    if (!target || this.cuts.get(from)?.has(target)) return
    const spread =
      network.uint32() % DELAY_TAIL_ONE_IN === 0 ? 100 * DELAY_SPREAD_MS : DELAY_SPREAD_MS
    const delayMs = DELAY_BASE_MS + network.unit() * spread
    this.scheduler.at(this.nowMs + delayMs, () => this.deliver(target, from.id, frame))
  }
}

const SEEDS = 3

/** A digest of the usual size; the figures themselves mean nothing here. */
const LOAD = {
  cpuPermille: 250,
  cores: 2,
  load1Hundredths: 42,
  memoryTotalBytes: 8 * 2 ** 30,
  memoryUsedBytes: 3 * 2 ** 30,
  swapUsedBytes: 0,
  diskTotalBytes: 100 * 2 ** 30,
  diskAvailableBytes: 60 * 2 ** 30,
  receivedBytesPerSecond: 12_345,
  sentBytesPerSecond: 12_345,
  agentCpuPermille: 4,
  agentResidentBytes: 100 * 2 ** 20,
  loopLagMicros: 1_200,
}
