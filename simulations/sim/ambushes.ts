/**
 * Faults that lie in wait for a moment in the life of a voter, and strike right after it: most of
 * what is dangerous is so for a few milliseconds, and blind chance would rarely meet them.
 */
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Host } from '../world/host.ts'
import type { World } from '../world/world.ts'
import type { Blow, Fault, Moment, Trouble, WorkMoment } from './fault.ts'
import { stormLimits } from './limits.ts'
import type { Meddler } from './meddler.ts'

type Ambush = Extract<Fault, { kind: 'ambush' }>

export class Ambushes {
  private readonly world: World
  private readonly meddler: Meddler
  private readonly entropy: Entropy
  private readonly happen: (fault: Fault, atOnce: boolean) => void
  /** With the blows that each has left. */
  private readonly laid = new Map<Ambush, number>()
  /** Hosts that suffer already. */
  private readonly struck = new Set<Host>()

  /** `happen` with `atOnce`: before anything else does, in the middle of what goes on. */
  constructor(world: World, meddler: Meddler, happen: (fault: Fault, atOnce: boolean) => void) {
    this.world = world
    this.meddler = meddler
    this.happen = happen
    this.entropy = world.entropy.stream('ambushes')
  }

  lay(ambush: Ambush): void {
    this.laid.set(ambush, stormLimits.blowsPerAmbush)
  }

  lift(ambush: Ambush): void {
    this.laid.delete(ambush)
  }

  noticed(moment: Moment | WorkMoment, host: Host): void {
    if (this.struck.has(host)) return
    for (const [ambush, left] of this.laid) {
      if (ambush.on !== moment || left === 0 || this.entropy.unit() >= ambush.share) continue
      this.laid.set(ambush, left - 1)
      return this.strike(ambush, host)
    }
  }

  private strike({ blow, afterMs, holdMs, atOnce = false, ...ambush }: Ambush, host: Host): void {
    const { nowMs } = this.world
    const endMs = ambush.atMs + ambush.forMs
    const atMs = Math.min(nowMs + (atOnce ? 0 : afterMs), endMs)
    if (blow === 'transfer' || blow === 'change') {
      this.world.plan(atMs - nowMs, 'fault', `${blow} at ${host.name}`, () =>
        this.meddler.meddle(blow),
      )
      return
    }
    this.struck.add(host)
    const forMs = Math.min(holdMs, endMs - atMs)
    this.world.plan(atMs - nowMs + forMs, 'fault', `${host.name} may be struck again`, () =>
      this.struck.delete(host),
    )
    this.happen({ ...this.troubleOf(blow, host), atMs, forMs }, atOnce)
  }

  private troubleOf(blow: Exclude<Blow, 'transfer' | 'change'>, host: Host): Trouble {
    if (blow !== 'isolate') return { kind: blow, host: host.name }
    const others = this.world.hosts.filter((other) => other !== host).map(({ name }) => name)
    return { kind: 'cut', from: [host.name], to: others, both: true }
  }
}
