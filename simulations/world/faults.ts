/** Ways to hurt a world, beyond single cuts and crashes. */
import { below, type Entropy, shuffle } from '../../protocol/ports/entropy.ts'
import type { Host } from './host.ts'
import type { World } from './world.ts'

/** Nothing passes between the two sides any more; within each, everything does. */
export function partition(world: World, one: readonly Host[], other: readonly Host[]): void {
  for (const a of one) {
    for (const b of other) {
      world.wires.cut(a, b)
      world.wires.cut(b, a)
    }
  }
}

export function mend(world: World, one: readonly Host[], other: readonly Host[]): void {
  for (const a of one) {
    for (const b of other) {
      world.wires.heal(a, b)
      world.wires.heal(b, a)
    }
  }
}

/** Breaks every connection between two hosts, as a firewall that loses its state does. */
export function resetConnections(one: Host, other: Host): void {
  one.network?.disconnect(other.id)
  other.network?.disconnect(one.id)
}

export interface SwizzleOptions {
  /** How long the blocking takes, and then the unblocking. */
  blockMs: number
  unblockMs: number
}

/**
 * Swizzle-clog: some hosts are blocked one after the other at random moments, then freed in
 * another order. It finds what a clean partition does not, since every stage of it is a different
 * network.
 */
export function swizzle(world: World, entropy: Entropy, options: SwizzleOptions): Host[] {
  const { hosts } = world
  const chosen = shuffle(entropy, [...hosts]).slice(0, 1 + below(entropy, hosts.length))
  const moments = (withinMs: number) =>
    chosen.map(() => entropy.unit() * withinMs).sort((a, b) => a - b)
  const others = (host: Host) => hosts.filter((other) => other !== host)
  for (const [i, atMs] of moments(options.blockMs).entries()) {
    const host = chosen[i] as Host
    world.plan(atMs, 'fault', `block ${host.name}`, () => partition(world, [host], others(host)))
  }
  const freed = shuffle(entropy, [...chosen])
  for (const [i, atMs] of moments(options.unblockMs).entries()) {
    const host = freed[i] as Host
    const blocked = new Set(freed.slice(i + 1))
    world.plan(options.blockMs + atMs, 'fault', `unblock ${host.name}`, () => {
      mend(
        world,
        [host],
        others(host).filter((other) => !blocked.has(other)),
      )
    })
  }
  return chosen
}
