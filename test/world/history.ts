/**
 * One eventful history: five toy agents, loss, pauses, crashes, cuts and a swizzle. Run as a
 * program, it prints the hash of its seed, for a test that compares processes.
 */
import { below } from '../../protocol/ports/entropy.ts'
import { swizzle } from '../../simulations/world/faults.ts'
import type { Host } from '../../simulations/world/host.ts'
import { World, type WorldOptions } from '../../simulations/world/world.ts'
import { chatter } from './cast.ts'

const lengthMs = 8_000

export async function history(
  seed: string,
  options: Partial<WorldOptions> = {},
): Promise<{ hash: string; events: number }> {
  const link = { loss: 0.02, lossMode: 'drop', duplicates: 0.01, reorders: 0.01 } as const
  const world = new World({ seed, link, ...options })
  const hosts = ['n1', 'n2', 'n3', 'n4', 'n5'].map((name) => world.addHost(name))
  for (const host of hosts) host.boot(chatter(() => hosts))
  const faults = world.entropy.stream('faults')
  for (let i = 0; i < 30; i++) {
    const host = hosts[below(faults, hosts.length)] as Host
    const kind = below(faults, 3)
    const forMs = 500 * faults.unit()
    world.plan(faults.unit() * lengthMs, 'fault', 'hurt', () => {
      if (host.state !== 'up') return
      if (kind === 0) host.pause()
      else host.crash(kind === 1 ? 'kill' : 'powerLoss')
      world.plan(forMs, 'fault', 'help', () => (kind === 0 ? host.resume() : host.restart()))
    })
  }
  swizzle(world, faults, { blockMs: 2_000, unblockMs: 2_000 })
  await world.run(lengthMs)
  return { hash: world.traceHash(), events: world.events }
}

if (import.meta.main) {
  const { hash, events } = await history(process.argv[2] ?? '0')
  process.stdout.write(`${hash} ${events}\n`)
}
