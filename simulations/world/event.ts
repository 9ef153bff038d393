/** What happens in a world, and on its hosts: traced, and kept from those who cannot feel it. */
import { messageOf } from '../../protocol/thrown.ts'
import type { Host } from './host.ts'
import { Due } from './scheduler.ts'
import type { EventKind } from './trace.ts'
import { hashOfText } from './trace.ts'
import type { World } from './world.ts'

export abstract class WorldEvent extends Due {
  readonly world: World

  constructor(world: World) {
    super()
    this.world = world
  }
}

/** Where and when a simulated program threw; its cause is what it threw. */
export class HappeningError extends Error {
  constructor(atMs: number, host: string, what: string, cause: unknown) {
    const why = messageOf(cause)
    super(`${host || 'the world'} at ${atMs.toFixed(3)} ms, ${what}: ${why}`, { cause })
    this.name = 'HappeningError'
  }
}

/**
 * Something for one life of a host's program. It is dropped when that life is over, and waits
 * while the host is paused.
 */
export abstract class HostEvent extends WorldEvent {
  readonly host: Host
  protected life: number

  constructor(host: Host) {
    super(host.world)
    this.host = host
    this.life = host.life
  }

  abstract readonly kind: EventKind
  protected abstract happen(): void
  /** Told only when somebody reads along. */
  protected abstract describe(): string
  protected abstract payload(): number

  /** True when it belongs to a life of this host that has ended. */
  isOverFor(host: Host): boolean {
    return this.host === host && this.life !== host.life
  }

  /** What the kernel does while the process is stopped. */
  protected park(): void {
    this.host.parked.push(this)
  }

  fire(): void {
    const { host } = this
    if (this.life !== host.life) return
    if (host.state === 'paused') this.park()
    else this.reach()
  }

  /** Lets it happen, on record. */
  protected reach(): void {
    const { host, world } = this
    world.trace.event(world.nowMs, host.index, this.kind, this.payload())
    if (world.trace.sink !== undefined) {
      const { name } = host
      world.trace.sink({ atMs: world.nowMs, host: name, kind: this.kind, text: this.describe() })
    }
    try {
      this.happen()
    } catch (error) {
      if (error instanceof HappeningError) throw error
      throw new HappeningError(world.nowMs, host.name, this.describe(), error)
    }
  }
}

/** A callback for one life of a host. */
export class HostCall extends HostEvent {
  readonly kind: EventKind
  private readonly what: string
  private readonly call: () => void

  constructor(host: Host, kind: EventKind, what: string, call: () => void) {
    super(host)
    this.kind = kind
    this.what = what
    this.call = call
  }

  protected happen(): void {
    this.call()
  }

  protected describe(): string {
    return this.what
  }

  protected payload(): number {
    return hashOfText(this.what)
  }
}
