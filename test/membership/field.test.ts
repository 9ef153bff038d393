import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../../protocol/membership/limits.ts'
import type { MembershipEvent } from '../../protocol/membership/outbox.ts'
import { Field } from '../../simulations/membership/field.ts'
import { runTrial } from '../../simulations/membership/trial.ts'

function fieldOf(nodes: number, seed: string, loss = 0) {
  const field = new Field({
    seed,
    nodes,
    loss,
    lifeguard: true,
    probeIntervalMs: limits.probeIntervalMs,
  })
  const events: { at: number; host: number; event: MembershipEvent }[] = []
  field.observe = (host, event) => {
    events.push({ at: field.nowMs, host: host.index, event })
  }
  field.startAll(1_000)
  const run = (ms: number) => field.scheduler.runSync(field.nowMs + ms)
  run(4_000)
  return { field, events, run }
}

const stateSeen = (field: Field, by: number, of: number) =>
  field.hosts[by]?.core.roster.get(field.hosts[of]?.id ?? ('' as never))?.state

test('members that know one another’s address all meet, and know each other by name', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { field } = fieldOf(5, `meet ${seed}`)
    for (const host of field.hosts) {
      assert.equal(host.core.roster.meshSize, 5)
      for (const member of host.core.roster.all()) assert.equal(member.profile?.name[0], 'n')
    }
  }
})

test('two hundred members that start together soon know everyone, and everyone’s profile', () => {
  const field = new Field({
    seed: 'crowd',
    nodes: 200,
    loss: 0.05,
    lifeguard: true,
    probeIntervalMs: limits.probeIntervalMs,
  })
  field.startAll(10_000)
  field.scheduler.runSync(60_000)
  for (const { core } of field.hosts) {
    assert.equal(core.roster.meshSize, 200)
    for (const member of core.roster.all()) assert.ok(member.profile, member.id)
  }
})

test('a member that dies without a word is suspected, then dead, for everyone within two seconds', () => {
  for (let seed = 0; seed < 40; seed++) {
    const { field, events, run } = fieldOf(5, `death ${seed}`)
    const victim = field.hosts[3]
    assert.ok(victim)
    field.crash(victim)
    const diedAt = field.nowMs
    run(2_000)
    for (const by of [0, 1, 2, 4]) assert.equal(stateSeen(field, by, 3), 'dead', `seed ${seed}`)
    const told = events
      .filter(({ at, host }) => at >= diedAt && host === 0)
      .map(({ event }) => event.kind)
    assert.deepEqual(
      told.filter((kind) => kind === 'suspect' || kind === 'dead'),
      ['suspect', 'dead'],
    )
  }
})

test('a member that was paused is alive again at once, with a higher incarnation', () => {
  for (let seed = 0; seed < 40; seed++) {
    const { field, events, run } = fieldOf(5, `pause ${seed}`)
    const sleeper = field.hosts[2]
    assert.ok(sleeper)
    field.pause(sleeper)
    run(5_000)
    assert.equal(stateSeen(field, 0, 2), 'dead')
    const wokeAt = field.nowMs
    field.resume(sleeper)
    run(700)
    for (const by of [0, 1, 3, 4]) {
      assert.equal(stateSeen(field, by, 2), 'alive', `seed ${seed}`)
      assert.ok((field.hosts[by]?.core.roster.get(sleeper.id)?.incarnation ?? 0) > 1)
    }
    const wrong = events.filter(
      ({ at, host, event }) => at >= wokeAt && host === 2 && event.kind === 'dead',
    )
    assert.deepEqual(wrong, [], 'a sleeper blames itself, not the others')
  }
})

test('a member that leaves is left, not dead', () => {
  const { field, events, run } = fieldOf(5, 'leave')
  const leaver = field.hosts[1]
  assert.ok(leaver)
  leaver.core.leave(field.nowMs)
  field.flush(leaver)
  run(200)
  assert.ok(leaver.core.farewells >= 3, 'some have acknowledged the farewell')
  field.crash(leaver)
  run(10_000)
  for (const by of [0, 2, 3, 4]) assert.equal(stateSeen(field, by, 1), 'left')
  assert.equal(events.filter(({ event }) => event.kind === 'dead').length, 0)
})

test('a member that comes back after a death is met with its new incarnation', () => {
  const { field, run } = fieldOf(5, 'reboot')
  const host = field.hosts[4]
  assert.ok(host)
  field.crash(host)
  run(3_000)
  field.boot(host)
  run(1_500)
  for (const by of [0, 1, 2, 3]) {
    assert.equal(stateSeen(field, by, 4), 'alive')
    assert.equal(field.hosts[by]?.core.roster.get(host.id)?.incarnation, 2)
  }
})

test('one that lost its disk outruns what is remembered of it', () => {
  const { field, run } = fieldOf(5, 'amnesia')
  const host = field.hosts[4]
  assert.ok(host)
  for (let reboots = 0; reboots < 3; reboots++) {
    field.crash(host)
    run(3_000)
    field.boot(host)
    run(1_000)
  }
  field.crash(host)
  run(3_000)
  host.incarnation = 0
  field.boot(host)
  run(3_000)
  for (const by of [0, 1, 2, 3]) assert.equal(stateSeen(field, by, 4), 'alive')
  assert.ok(host.core.digest.incarnation > 4)
})

test('one seed has one history', () => {
  const history = () => {
    const { events, field, run } = fieldOf(12, 'again', 0.1)
    const host = field.hosts[7]
    assert.ok(host)
    field.crash(host)
    run(8_000)
    return JSON.stringify(events)
  }
  assert.equal(history(), history())
})

for (const seed of ['1', '2', '3']) {
  test(`100 members, 5% loss, 1% paused: nobody healthy dies, every death is known in 5 s (seed ${seed})`, () => {
    const result = runTrial({
      seed,
      nodes: 100,
      minutes: 2,
      loss: 0.05,
      paused: 0.01,
      lifeguard: true,
      probeIntervalMs: limits.probeIntervalMs,
    })
    assert.equal(result.converged, true)
    assert.equal(result.falseDeaths, 0)
    assert.equal(result.unknown, 0)
    assert.ok(Math.max(...result.knownMs) < 5_000, `slowest ${Math.max(...result.knownMs)} ms`)
  })
}
