/** The simulated ports keep the contracts of the real ones, or the simulator proves nothing. */
import assert from 'node:assert/strict'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { CellSpec } from '../../protocol/ports/cells.ts'
import { DiskHandle } from '../../simulations/world/disk.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import type { HostOptions } from '../../simulations/world/host.ts'
import type { LinkQuality } from '../../simulations/world/wires.ts'
import { World, type WorldOptions } from '../../simulations/world/world.ts'
import { idle } from '../world/cast.ts'
import { cellsContract } from './cells.ts'
import { clockContract } from './clock.ts'
import { diskContract } from './disk.ts'
import { entropyContract } from './entropy.ts'
import { functionsContract } from './functions.ts'
import { networkContract } from './network.ts'
import type { Passage } from './passage.ts'
import { processesContract } from './processes.ts'
import { secretFilesContract } from './secret-files.ts'
import { simulatedFunctions, simulatedServers } from './simulated-callees.ts'
import { simulatedScripts } from './simulated-scripts.ts'
import { telemetryContract } from './telemetry.ts'
import { webContract } from './web.ts'
import { workspaceContract } from './workspace.ts'

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

async function single(options: Partial<WorldOptions> = {}, machine: Partial<HostOptions> = {}) {
  const world = new World({ seed: 'contracts', ...options })
  const host = world.addHost('n1', { driftPpm: 37, programs: simulatedScripts, ...machine })
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

secretFilesContract('simulated secrets as files', async () => {
  const subject = await single()
  const { files } = subject.host.processTable
  return { ...subject, filesIn: (path: string) => files.get(path) ?? new Map() }
})

processesContract('simulated processes', async () => ({ ...(await single()), directory: '/tmp' }))

cellsContract('simulated cells', async () => {
  const subject = { ...(await single()), directory: '/tmp', keeps: true }
  const inEarlierLife = async (spec: CellSpec) => {
    let heard = ''
    const started = subject.cells.start(spec, (_from, chunk) => {
      heard += new TextDecoder().decode(chunk)
    })
    await subject.until('the program to be ready', () => heard.includes('ready'))
    const { trace } = await started
    subject.host.crash('kill')
    subject.cells = (await idle(subject.host)).cells
    return trace
  }
  return Object.assign(subject, { inEarlierLife })
})

functionsContract('simulated functions', async () => ({
  ...(await single({}, { modules: { '/functions.mjs': simulatedFunctions } })),
  module: '/functions.mjs',
}))

webContract('simulated web', async () => ({
  ...(await single({}, { servers: simulatedServers })),
  origin: 'http://server',
  silentOrigin: 'http://silent',
  nobodysOrigin: 'http://nobody',
}))

workspaceContract('simulated workspace', () => single())

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
