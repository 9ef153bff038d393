/** The simulated ports keep the contracts of the real ones, or the simulator proves nothing. */
import assert from 'node:assert/strict'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { DiskHandle } from '../../simulations/world/disk.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import type { LinkQuality } from '../../simulations/world/wires.ts'
import { World, type WorldOptions } from '../../simulations/world/world.ts'
import { idle } from '../world/cast.ts'
import { clockContract } from './clock.ts'
import { diskContract } from './disk.ts'
import { entropyContract } from './entropy.ts'
import { networkContract } from './network.ts'
import type { Passage } from './passage.ts'
import { processesContract } from './processes.ts'
import { simulatedScripts } from './simulated-scripts.ts'
import { telemetryContract } from './telemetry.ts'

/** Longest wait in virtual time. */
const deadlineMs = 60_000

function passageOf(world: World): Passage {
  return {
    advance: (ms) => world.runFor(ms),
    until: async (what, predicate) => {
      assert.ok(await world.runUntil(predicate, deadlineMs), `waited in vain for ${what}`)
    },
  }
}

async function single(options: Partial<WorldOptions> = {}) {
  const world = new World({ seed: 'contracts', ...options })
  const host = world.addHost('n1', { driftPpm: 37, programs: simulatedScripts })
  const ports = await idle(host)
  return { ...passageOf(world), world, host, ...ports, close: () => {} }
}

clockContract('simulated clock', async () => {
  const subject = await single()
  const freeze = async (ms: number) => {
    subject.host.pause()
    await subject.advance(ms)
    subject.host.resume()
  }
  return { ...subject, freeze }
})

entropyContract('simulated entropy', () => new SeededEntropy('contracts'))

diskContract('simulated disk', async () => {
  const subject = await single()
  let disk = subject.disk
  const reopen = async () => {
    await disk.close()
    disk = new DiskHandle(subject.host)
    return disk
  }
  return { ...subject, reopen }
})

processesContract('simulated processes', async () => ({ ...(await single()), directory: '/tmp' }))

telemetryContract('simulated telemetry', () => single())

const links: Record<string, Partial<LinkQuality>> = {
  'simulated network': {},
  'simulated network that retransmits': { loss: 0.05, tailShare: 0.1 },
  'simulated slow network': { latencyMs: 40, jitterMs: 20, bytesPerSecond: 2e6 },
}

for (const [name, link] of Object.entries(links)) {
  networkContract(name, async () => {
    const world = new World({ seed: name, link })
    const [a, b, c] = [world.addHost('n1'), world.addHost('n2'), world.addHost('n3')]
    const all = [a, b, c]
    const networks = [(await idle(a)).network, (await idle(b)).network, (await idle(c)).network]
    for (const network of networks) {
      for (const peer of all) if (peer.id !== network.self) network.learn(peer.id, [peer.address])
    }
    const { limits } = world
    return {
      ...passageOf(world),
      hosts: [networks[0]!, networks[1]!, networks[2]!] as const,
      kill: (network) => all.find((host) => host.id === network.self)?.crash('kill'),
      limits: {
        frameBytesMax: limits.purposeDefault.frameBytesMax,
        streamBufferBytesMax: limits.streamBufferBytesMax,
        streamsOutboundMax: limits.purposeDefault.streamsOutboundMax,
      },
      stranger: '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp' as PeerId,
      silentAddress: '/sim/nobody',
      topic: 'contract',
      close: () => {},
    }
  })
}
