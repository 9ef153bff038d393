/** Whole agents, the ones of production, in a world of their own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Agent } from '../../agent/agent.ts'
import { storeLimits } from '../../agent/artifacts/limits.ts'
import { ledgerTiming } from '../../agent/ledger/limits.ts'
import { samplingDefaults } from '../../agent/telemetry/limits.ts'
import { workDefaults } from '../../agent/work/limits.ts'
import { limits } from '../../protocol/consensus/limits.ts'
import type { Host, Main } from '../../simulations/world/host.ts'
import { World, type WorldOptions } from '../../simulations/world/world.ts'

class Mesh {
  readonly world: World
  readonly hosts: Host[]
  readonly agents = new Map<Host, Agent>()
  /** Who gave up its connections to whom. */
  readonly disconnects = new Set<string>()

  constructor(size: number, options: WorldOptions) {
    this.world = new World(options)
    this.hosts = Array.from({ length: size }, (_, i) => this.world.addHost(`n${i + 1}`))
    for (const host of this.hosts) host.boot(this.mainOf(host))
  }

  private mainOf(host: Host): Main {
    return async (ports) => {
      const { network } = ports
      const disconnect = network.disconnect.bind(network)
      network.disconnect = (peer) => {
        this.disconnects.add(`${host.name} ${this.hosts.find(({ id }) => id === peer)?.name}`)
        disconnect(peer)
      }
      const agent = new Agent(
        { ...ports, loopLagMs: () => 0 },
        {
          signer: ports.signer,
          verify: ports.verify,
          trust: ports.trust,
          credential: ports.credential,
          keyOf: ports.keyOf,
          name: host.name,
          mesh: 'simulated',
          labels: {},
          bootstrap: [this.hosts[0]!.address],
          probeIntervalMs: 500,
          ledgerTiming,
          ledgerLimits: limits,
          founding: { founder: host === this.hosts[0], done: () => {} },
          sampling: samplingDefaults,
          work: workDefaults,
          artifacts: storeLimits,
          dataDirectory: '/',
        },
        () => [],
      )
      // Others see it before all of it has started: until then there is none, not the one before.
      this.agents.delete(host)
      await agent.start()
      this.agents.set(host, agent)
      return agent
    }
  }

  /** What one host thinks of another. */
  opinion(of: Host, about: Host): string | undefined {
    const members = this.agents.get(of)?.membership.members()
    return members?.find((member) => member.id === about.id)?.state
  }

  all(of: readonly Host[], about: readonly Host[], opinion: string): () => boolean {
    return () => of.every((one) => about.every((other) => this.opinion(one, other) === opinion))
  }
}

test('two agents find each other, and the one that is left notices that it is', async () => {
  const mesh = new Mesh(2, { seed: 'two' })
  const { world, hosts } = mesh
  const [a, b] = hosts as [Host, Host]
  assert.ok(await world.runUntil(mesh.all(hosts, hosts, 'alive'), 10_000))
  b.crash('powerLoss')
  assert.ok(await world.runUntil(mesh.all([a], [b], 'dead'), 30_000))
})

for (const loss of [0, 0.05]) {
  test(`five agents with ${loss} of their frames lost see each other die, pause and return`, async () => {
    const mesh = new Mesh(5, { seed: `five ${loss}`, link: { loss, lossMode: 'drop' } })
    const { world, hosts } = mesh
    const [a, b, c, d, e] = hosts as [Host, Host, Host, Host, Host]
    assert.ok(await world.runUntil(mesh.all(hosts, hosts, 'alive'), 30_000), 'all see all')
    const incarnation = mesh.agents.get(e)!.membership.incarnation

    e.crash('kill')
    assert.ok(await world.runUntil(mesh.all([a, b, c, d], [e], 'dead'), 30_000), 'the dead is dead')
    e.restart()
    assert.ok(await world.runUntil(mesh.all(hosts, hosts, 'alive'), 30_000), 'and is back')
    assert.ok(mesh.agents.get(e)!.membership.incarnation > incarnation)

    d.pause()
    assert.ok(await world.runUntil(mesh.all([a, b, c, e], [d], 'dead'), 30_000), 'paused is dead')
    d.resume()
    assert.ok(await world.runUntil(mesh.all(hosts, hosts, 'alive'), 30_000), 'resumed is alive')
  })
}

test('a connection over which nothing comes, to one whom others hear, is given up soon', async () => {
  for (const [from, to] of [
    [1, 2],
    [1, 3],
    [4, 1],
  ] as const) {
    const mesh = new Mesh(5, { seed: `silent ${from} ${to}` })
    const { world, hosts } = mesh
    assert.ok(await world.runUntil(mesh.all(hosts, hosts, 'alive'), 10_000))
    await world.run(10_000)
    const [mute, deaf] = [hosts[from], hosts[to]] as [Host, Host]
    // Long before TCP gives up.
    world.wires.cut(mute, deaf)
    const isGivenUp = () =>
      mesh.disconnects.has(`${mute.name} ${deaf.name}`) ||
      mesh.disconnects.has(`${deaf.name} ${mute.name}`)
    assert.ok(await world.runUntil(isGivenUp, 25_000))
    assert.equal(mesh.disconnects.size, 1, 'and no other')
    assert.ok(mesh.all(hosts, hosts, 'alive')())
  }
})

test('an agent that is stopped in good order ends its connections and refuses new ones', async () => {
  const mesh = new Mesh(2, { seed: 'stopped' })
  const { world, hosts } = mesh
  const [a, b] = hosts as [Host, Host]
  assert.ok(await world.runUntil(mesh.all(hosts, hosts, 'alive'), 10_000))
  const stopping = b.stop()
  assert.ok(await world.runUntil(() => b.state === 'stopped', 10_000))
  await stopping
  assert.ok(await world.runUntil(mesh.all([a], [b], 'dead'), 30_000))
  b.restart()
  assert.ok(await world.runUntil(mesh.all(hosts, hosts, 'alive'), 30_000))
})

test('agents replay their history from its seed', async () => {
  const run = async () => {
    const mesh = new Mesh(3, { seed: 'replayed', link: { loss: 0.02 } })
    await mesh.world.run(20_000)
    assert.ok(mesh.all(mesh.hosts, mesh.hosts, 'alive')())
    return [mesh.world.traceHash(), mesh.world.events]
  }
  assert.deepEqual(await run(), await run())
})
