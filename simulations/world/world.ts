/**
 * One virtual world: its time, its chance, its hosts and the wires between them. The same seed
 * gives the same history, event by event, in any process; `traceHash` is the proof.
 *
 * Nothing in it moves unless one of the `run` methods is called.
 */
import { type LimitOverrides, limitsWith, type NetworkLimits } from '../../agent/network/limits.ts'
import { assert } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { SeededEntropy } from './entropy.ts'
import { HappeningError, WorldEvent } from './event.ts'
import { Host, type HostOptions } from './host.ts'
import { type IdentityKind, identityOf } from './identity.ts'
import { worldLimits } from './limits.ts'
import { Scheduler } from './scheduler.ts'
import { type EventKind, hashOfText, Trace, type TraceSink } from './trace.ts'
import { type DrainMode, runInTurns } from './turns.ts'
import { type LinkQuality, Wires } from './wires.ts'

export interface WorldOptions {
  seed: string | number
  /** How every link behaves until it is told otherwise. */
  link?: Partial<LinkQuality>
  /** Bounds of the hosts' networks, where they are not those of production. */
  limits?: LimitOverrides
  /** Real key pairs, or ids that cost nothing and sign with a checksum. Real unless said otherwise. */
  identities?: IdentityKind
  /** Reads along. */
  trace?: TraceSink
  /** How promises are drained between events: directly, unless a test compares the two. */
  drain?: DrainMode
}

export class World {
  readonly seed: string
  readonly scheduler = new Scheduler()
  readonly entropy: SeededEntropy
  readonly trace: Trace
  readonly wires: Wires
  readonly limits: NetworkLimits
  readonly hosts: Host[] = []
  private readonly options: WorldOptions
  private readonly byName = new Map<string, Host>()
  private readonly failures: unknown[] = []
  private running = false
  private instantMs = -1
  private firedAtInstant = 0

  constructor(options: WorldOptions) {
    this.options = options
    this.seed = String(options.seed)
    this.entropy = new SeededEntropy(this.seed)
    this.trace = new Trace(options.trace)
    this.limits = limitsWith(options.limits)
    this.wires = new Wires(this, options.link ?? {})
  }

  get nowMs(): number {
    return this.scheduler.nowMs
  }

  /** Events fired since the start. */
  get events(): number {
    return this.scheduler.fired
  }

  addHost(name: string, options: HostOptions = {}): Host {
    assert(/^[a-z0-9][a-z0-9-]*$/.test(name), 'a host has a plain name', { name })
    assert(!this.byName.has(name), 'a host has a name of its own', { name })
    assert(this.hosts.length < worldLimits.hostsMax, 'a world has room for so many hosts')
    const identity = identityOf(this.entropy, name, this.options.identities ?? 'real')
    const host = new Host(this, this.hosts.length, name, identity, options)
    this.hosts.push(host)
    this.byName.set(name, host)
    return host
  }

  host(name: string): Host {
    const host = this.byName.get(name)
    assert(host !== undefined, 'the host exists', { name })
    return host
  }

  hostNamed(name: string): Host | undefined {
    return this.byName.get(name)
  }

  hostOf(peer: PeerId): Host | undefined {
    return this.hosts.find((host) => host.id === peer)
  }

  /** Something that happens to the world, `inMs` from now: a fault, a step of a script. */
  plan(inMs: number, kind: EventKind, what: string, act: () => void): void {
    this.scheduler.schedule(new PlannedEvent(this, kind, what, act), this.nowMs + inMs)
  }

  /** Runs all that is due up to this moment of virtual time. */
  async run(untilMs: number): Promise<void> {
    await this.loop(untilMs, () => false)
    this.scheduler.skipTo(untilMs)
  }

  runFor(ms: number): Promise<void> {
    return this.run(this.nowMs + ms)
  }

  /** Runs until the predicate holds, asking after every event; false when it did not in `limitMs`. */
  async runUntil(predicate: () => boolean, limitMs: number): Promise<boolean> {
    const untilMs = this.nowMs + limitMs
    if (await this.loop(untilMs, predicate)) return true
    this.scheduler.skipTo(untilMs)
    return predicate()
  }

  /** For worlds whose hosts use callbacks only: no promise gets its turn before this returns. */
  runSync(untilMs: number): void {
    assert(!this.running, 'a world is run by one caller at a time')
    this.running = true
    try {
      while (this.scheduler.nextAtMs <= untilMs) this.step()
    } finally {
      this.running = false
    }
    this.scheduler.skipTo(untilMs)
  }

  traceHash(): string {
    return this.trace.hash()
  }

  /** Ends the run with this error: a host's program failed in a way that it does not handle. */
  fail(error: unknown): void {
    this.failures.push(error)
  }

  private async loop(untilMs: number, predicate: () => boolean): Promise<boolean> {
    assert(!this.running, 'a world is run by one caller at a time')
    this.running = true
    let met = false
    try {
      await runInTurns(() => {
        if (this.failures.length > 0) throw this.failures.shift()
        met = predicate()
        if (met || this.scheduler.nextAtMs > untilMs) return false
        this.step()
        return true
      }, this.options.drain ?? 'direct')
    } finally {
      this.running = false
    }
    return met
  }

  private step(): void {
    const { scheduler } = this
    scheduler.step()
    if (scheduler.nowMs === this.instantMs) {
      this.firedAtInstant++
      assert(this.firedAtInstant < worldLimits.eventsPerInstantMax, 'time moves on', {
        atMs: this.instantMs,
      })
    } else {
      this.instantMs = scheduler.nowMs
      this.firedAtInstant = 0
    }
  }
}

class PlannedEvent extends WorldEvent {
  private readonly kind: EventKind
  private readonly what: string
  private readonly act: () => void

  constructor(world: World, kind: EventKind, what: string, act: () => void) {
    super(world)
    this.kind = kind
    this.what = what
    this.act = act
  }

  fire(): void {
    const { world, kind, what, atMs } = this
    world.trace.event(atMs, -1, kind, hashOfText(what))
    world.trace.sink?.({ atMs, host: '', kind, text: what })
    try {
      this.act()
    } catch (error) {
      throw new HappeningError(this.atMs, '', this.what, error)
    }
  }
}
