/** Whole agents, one of which plays the leader: over the wire, and on its own host. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Agent } from '../../agent/agent.ts'
import { storeLimits } from '../../agent/artifacts/limits.ts'
import { ledgerTiming } from '../../agent/ledger/limits.ts'
import { samplingDefaults } from '../../agent/telemetry/limits.ts'
import { workDefaults } from '../../agent/work/limits.ts'
import { limits } from '../../protocol/consensus/limits.ts'
import type { Assignment, AttemptReport } from '../../protocol/work/attempt.ts'
import type { Host, HostOptions } from '../../simulations/world/host.ts'
import { World } from '../../simulations/world/world.ts'

interface Pair {
  world: World
  hosts: readonly Host[]
  agents: Map<Host, Agent>
}

async function pair(second: HostOptions = {}): Promise<Pair> {
  const world = new World({ seed: 'two agents', identities: 'plain' })
  const hosts = [world.addHost('n1'), world.addHost('n2', second)]
  const agents = new Map<Host, Agent>()
  for (const host of hosts) {
    host.boot(async (ports) => {
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
          bootstrap: [hosts[0]!.address],
          probeIntervalMs: 500,
          ledgerTiming,
          ledgerLimits: limits,
          founding: { founder: host === hosts[0], done: () => {} },
          sampling: samplingDefaults,
          work: workDefaults,
          artifacts: storeLimits,
          dataDirectory: '/',
        },
        () => [],
      )
      await agent.start()
      agents.set(host, agent)
      return agent
    })
  }
  assert.ok(await world.runUntil(() => agents.size === 2, 10_000))
  const known = () => agents.get(hosts[0]!)!.membership.members().length === 2
  assert.ok(await world.runUntil(known, 30_000))
  return { world, hosts, agents }
}

function sleeps(stage: string, seconds: number, term: number): Assignment {
  return {
    id: { run: 'r1', stage, attempt: 1 },
    fence: { term, index: 1 },
    step: { kind: 'program', value: { argv: ['/bin/sleep', String(seconds)] } },
    workflow: 'w',
    env: {},
    secrets: {},
    secretFiles: {},
    artifacts: [],
    artifactsFrom: [],
    timeouts: {},
    resources: { custom: {} },
  }
}

test('an agent runs what a leader assigns, on another host and on its own, and gossip tells of it', async () => {
  const { world, hosts, agents } = await pair()
  const [leading, other] = hosts.map((host) => agents.get(host)!) as [Agent, Agent]
  const heard: { from: string; report: AttemptReport }[] = []
  leading.workWire.onAgent = (from, frame) => {
    if (frame.kind !== 'reports') return
    for (const report of frame.value.reports) heard.push({ from, report })
  }
  assert.ok(await world.runUntil(() => leading.ledger.leads, 60_000), 'the first host leads')
  const { term } = leading.ledger
  for (const agent of [leading, other]) {
    const assignments = [sleeps(agent.settings.name, 20, term)]
    leading.workWire.send(agent.id, { kind: 'assign', value: { term, assignments } })
  }
  const runsThere = () =>
    leading.membership.members().every(({ digest }) => digest.runningAttempts === 1)
  assert.ok(await world.runUntil(runsThere, 15_000), 'gossip tells how many run where')
  const over = () => heard.filter(({ report }) => report.news.kind === 'finished')
  assert.ok(await world.runUntil(() => over().length === 2, 60_000), 'both are over')
  for (const { from, report } of over()) {
    assert.ok(report.news.kind === 'finished')
    assert.equal(report.news.value.outcome.kind, 'succeeded')
    const name = leading.membership.nameOf(from as Agent['id'])
    assert.equal(report.id.stage, name)
  }
})

test('nobody assigns who does not lead by the ledger, whatever term it claims', async () => {
  const { world, hosts, agents } = await pair()
  const [leading, other] = hosts.map((host) => agents.get(host)!) as [Agent, Agent]
  const known = () => leading.ledger.leads && other.work.leader === leading.id
  assert.ok(await world.runUntil(known, 60_000))
  const { term } = leading.ledger
  for (const claimed of [term, term + 1_000]) {
    const assignments = [sleeps(`s${claimed}`, 20, claimed)]
    other.workWire.send(leading.id, { kind: 'assign', value: { term: claimed, assignments } })
  }
  await world.runFor(15_000)
  assert.equal(leading.work.running, 0)
  assert.equal(leading.work.refusals().notTheLeader, 2)
  leading.workWire.send(other.id, {
    kind: 'assign',
    value: { term, assignments: [sleeps('true', 20, term)] },
  })
  assert.ok(await world.runUntil(() => other.work.running === 1, 15_000), 'who leads is heard')
})

test('work from a leader whose word on stops was lost is not declined: it waits until that is asked', async () => {
  const { world, agents, hosts } = await pair()
  const [leading, other] = hosts.map((host) => agents.get(host)!) as [Agent, Agent]
  const known = () => leading.ledger.leads && other.work.leader === leading.id
  assert.ok(await world.runUntil(known, 60_000))
  const news: string[] = []
  leading.workWire.onAgent = (_, frame) => {
    if (frame.kind === 'reports')
      news.push(...frame.value.reports.map((report) => report.news.kind))
  }
  other.estop.core.disconnected(leading.id)
  assert.ok(!other.estop.core.hasHeardOf(leading.id))
  let asked = 0
  const { core } = leading.estop
  const hear = core.hear.bind(core)
  core.hear = (from, frame, ...when) => {
    if (from === other.id && frame.kind === 'print' && frame.value.asks) asked++
    hear(from, frame, ...when)
  }
  const { term } = leading.ledger
  const assignments = [sleeps('waits', 20, term)]
  for (let again = 0; again < 20; again++) {
    leading.workWire.send(other.id, { kind: 'assign', value: { term, assignments } })
  }
  assert.ok(await world.runUntil(() => other.work.running === 1, 15_000), 'it is begun')
  assert.ok(other.estop.core.hasHeardOf(leading.id))
  await world.runFor(1_000)
  assert.ok(!news.includes('refused'), news.join(' '))
  assert.equal(asked, 1, 'it is asked once for all that waits')
})

test('an agent that nobody has spoken to yet takes the leader of the ledger for the leader', async () => {
  const { world, agents, hosts } = await pair()
  const [leading, other] = hosts.map((host) => agents.get(host)!) as [Agent, Agent]
  const knows = () => [leading, other].every(({ work }) => work.leader === leading.id)
  assert.ok(await world.runUntil(knows, 60_000))
})

test('a host that gives no secrets as files says so to all others, who place work by it', async () => {
  const missing = 'there is no place in memory'
  const { world, agents, hosts } = await pair({ secretFilesMissing: missing })
  const [leading, other] = hosts.map((host) => agents.get(host)!) as [Agent, Agent]
  const profileOf = (of: Agent) =>
    leading.membership.members().find(({ id }) => id === of.id)?.profile
  const known = () => profileOf(other)?.noSecretFiles !== undefined
  assert.ok(await world.runUntil(known, 30_000))
  assert.equal(profileOf(other)?.noSecretFiles, missing)
  assert.equal(profileOf(leading)?.noSecretFiles, undefined)
})

test('the desk is a module that can be stopped and started by itself', async () => {
  const { world, agents, hosts } = await pair()
  const agent = agents.get(hosts[1]!)!
  const moved = async (command: Promise<unknown>) => {
    let done = false
    void command.then(() => {
      done = true
    })
    assert.ok(await world.runUntil(() => done, 30_000))
  }
  await moved(agent.modules.stop('work'))
  assert.equal(agent.modules.states().find(({ name }) => name === 'work')?.state, 'stopped')
  await moved(agent.modules.start('work'))
  assert.equal(agent.modules.states().find(({ name }) => name === 'work')?.state, 'ready')
})
