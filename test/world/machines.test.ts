/** Machines: their clocks, their programs, and what their telemetry tells. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verify } from '../../protocol/identity/peer-id.ts'
import type { RunningProcess } from '../../protocol/ports/processes.ts'
import type { HostPorts } from '../../simulations/world/host.ts'
import { runs } from '../../simulations/world/programs.ts'
import { World } from '../../simulations/world/world.ts'
import { idle } from './cast.ts'

const hourMs = 3_600_000

test('each host has its own pace and its own calendar', async () => {
  const world = new World({ seed: 1 })
  const fast = await idle(world.addHost('fast', { driftPpm: 100 }))
  const ahead = await idle(world.addHost('ahead', { wallOffsetMs: 5_000 }))
  const exact = await idle(world.addHost('exact'))
  const before = [fast, ahead, exact].map(({ clock }) => clock.now())
  assert.equal(new Set(before).size, 3)
  assert.equal(ahead.clock.wall() - exact.clock.wall(), 5_000)
  await world.runFor(hourMs)
  const [fastMs, aheadMs, exactMs] = [fast, ahead, exact].map(({ clock }, i) => {
    return Math.round(clock.now() - before[i]!)
  })
  assert.deepEqual([fastMs, aheadMs, exactMs], [hourMs + 360, hourMs, hourMs])
})

test('no timer fires early by the clock that set it, however that clock runs', async () => {
  const world = new World({ seed: 1 })
  // Far from the start, where a number of milliseconds has few digits left for fractions.
  await world.run(90 * 24 * hourMs)
  for (const driftPpm of [-321.7, 0, 45.3, 999.9]) {
    const host = world.addHost(`d${Math.round(driftPpm + 400)}`, { driftPpm })
    const { clock, entropy } = await idle(host)
    for (let i = 0; i < 500; i++) {
      const delayMs = entropy.unit() * 1_000
      const dueMs = clock.now() + delayMs
      clock.after(delayMs, () => {
        assert.ok(clock.now() >= dueMs)
        assert.ok(clock.now() < dueMs + 0.001)
      })
    }
  }
  await world.runFor(2_000)
})

test('a machine that was off counts its time anew; one whose agent was killed goes on', async () => {
  const world = new World({ seed: 1 })
  const host = world.addHost('a')
  const first = await idle(host)
  await world.runFor(1_000)
  const readMs = first.clock.now()
  host.crash('kill')
  await world.runFor(100)
  assert.equal(Math.round((await idle(host)).clock.now() - readMs), 100)
  host.crash('powerLoss')
  await world.runFor(100)
  assert.notEqual(Math.round((await idle(host)).clock.now() - readMs), 200)
})

test('hosts have key pairs of their seed, and sign with them', async () => {
  const [one, same, other] = [1, 1, 2].map((seed) => new World({ seed }).addHost('a'))
  assert.equal(one!.id, same!.id)
  assert.notEqual(one!.id, other!.id)
  const text = new TextEncoder().encode('to be signed')
  assert.ok(verify(one!.id, text, one!.identity.signer.sign(text)))
  assert.ok(!verify(other!.id, text, one!.identity.signer.sign(text)))
  const plain = new World({ seed: 1, identities: 'plain' }).addHost('a')
  assert.equal(plain.id.length, one!.id.length)
  const { signer, verify: verifyPlain } = plain.identity
  assert.ok(verifyPlain(plain.id, text, signer.sign(text)))
  assert.ok(!verifyPlain(one!.id, text, signer.sign(text)))
  assert.ok(
    !verifyPlain(
      plain.id,
      text.map((byte) => byte ^ 1),
      signer.sign(text),
    ),
  )
})

test('a busy program shows in the load of its machine while it runs', async () => {
  const world = new World({ seed: 1 })
  const busy = runs(5_000)
  const host = world.addHost('a', {
    machine: { cores: 4, load: () => 0.1 },
    programs: {
      '/bin/busy': (self) => {
        self.use({ cpuCores: 2, memoryBytes: 1e9 })
        busy(self)
      },
    },
  })
  const ports = await idle(host)
  const { telemetry } = ports
  const quiet = telemetry.sample()
  await start(world, ports, '/bin/busy')
  await world.runFor(1_000)
  const loud = telemetry.sample()
  assert.equal(loud.cpu?.toFixed(2), '0.60')
  assert.equal(quiet.memoryAvailableBytes - loud.memoryAvailableBytes, 1e9)
  await world.runFor(10_000)
  telemetry.sample()
  await world.runFor(1_000)
  assert.equal(telemetry.sample().cpu?.toFixed(2), '0.10')
})

test('programs outlive an agent that is killed, and end with the power', async () => {
  const world = new World({ seed: 1 })
  const host = world.addHost('a', { programs: { '/bin/long': runs(hourMs) } })
  await start(world, await idle(host), '/bin/long')
  host.crash('kill')
  await world.runFor(1_000)
  assert.equal(host.processTable.alive, 1)
  await start(world, await idle(host), '/bin/long')
  assert.equal(host.processTable.alive, 2)
  host.crash('powerLoss')
  assert.equal(host.processTable.alive, 0)
})

test('a stopped program keeps the time that it still has to run', async () => {
  const world = new World({ seed: 1 })
  const host = world.addHost('a', { programs: { '/bin/task': runs(1_000) } })
  const task = await start(world, await idle(host), '/bin/task')
  let exited = false
  void task.exited().then(() => (exited = true))
  await world.runFor(500)
  task.signal('SIGSTOP')
  await world.runFor(10_000)
  assert.equal(exited, false)
  task.signal('SIGCONT')
  await world.runFor(400)
  assert.equal(exited, false)
  await world.runFor(200)
  assert.equal(exited, true)
})

async function start(world: World, ports: HostPorts, program: string): Promise<RunningProcess> {
  let started: RunningProcess | undefined
  const spec = { argv: [program] as const, cwd: '/', env: {} }
  const output = { onStdout() {}, onStderr() {} }
  void ports.processes.start(spec, output).then((running) => (started = running))
  assert.ok(await world.runUntil(() => started !== undefined, 1_000))
  return started!
}
