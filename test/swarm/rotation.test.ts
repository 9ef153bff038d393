/**
 * The mesh goes over to another swarm key, in the simulated world: step by step, whoever dies or
 * leads meanwhile, and nobody is ever left who could not meet the others.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { recordRevocation } from '../../coordinator/people/register.ts'
import { dialledOf } from '../../coordinator/swarm/steps.ts'
import { NAMESPACE, Question, SERVICE, SwarmAnswer } from '../../coordinator/swarm/wire.ts'
import { grantIn } from '../../protocol/identity/certificate.ts'
import { kvRows } from '../../protocol/ledger/kv-rows.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { type Member, Mesh } from '../history/stage.ts'

type Rotation = NonNullable<Awaited<ReturnType<typeof rotationOf>>>

async function rotationOf(mesh: Mesh, member: Member | undefined = mesh.leader) {
  assert.ok(member)
  return (await mesh.call(member, 'keys')).rotation
}

async function until(
  mesh: Mesh,
  what: string,
  holds: (rotation: Rotation) => boolean,
): Promise<Rotation> {
  const endMs = mesh.world.nowMs + 120_000
  for (;;) {
    const rotation = await rotationOf(mesh).catch(() => undefined)
    if (rotation !== undefined && holds(rotation)) return rotation
    assert.ok(mesh.world.nowMs < endMs, `${what}: ${JSON.stringify(rotation)}`)
    await mesh.world.runFor(200)
  }
}

const isOver = ({ step, hosts }: Rotation) => step === 'alone' && hosts.every(({ done }) => done)

const keysOf = ({ swarm }: Member) =>
  swarm.taken.keys.map((key) => Buffer.from(key).toString('hex'))

/** Looks at every turn of the world whether all who are up could meet. */
function watched(mesh: Mesh): () => void {
  const apart: string[] = []
  const look = () => {
    const up = mesh.members.filter(({ host }) => host.state === 'up')
    for (const one of up) {
      for (const other of up) {
        if (!one.swarm.reaches(other.swarm)) apart.push(`${one.host.name} and ${other.host.name}`)
      }
    }
  }
  for (const { swarm } of mesh.members) {
    const take = swarm.take.bind(swarm)
    swarm.take = (taken) => {
      take(taken)
      look()
    }
  }
  return () => assert.deepEqual(apart, [])
}

const rotating = (seed: string, size = 3) => Mesh.of(seed, size, { letsIn: true })

test('one command brings every host over to one new key, and the old one is dropped', async () => {
  const mesh = await rotating('rotated')
  const met = watched(mesh)
  const [old] = keysOf(mesh.members[0]!)
  const { swarm: before } = await mesh.call(mesh.follower, 'keys')
  for (const { swarm, agent } of mesh.members) {
    swarm.older = agent.peers.connected().slice(0, 1)
  }
  assert.equal((await mesh.call(mesh.follower, 'rotateSwarmKey')).was, 0)
  const over = await until(mesh, 'over', isOver)
  const [one, ...others] = mesh.members.map(keysOf)
  assert.equal(one?.length, 1)
  assert.notEqual(one?.[0], old)
  for (const other of others) assert.deepEqual(other, one)
  assert.equal(over.was, before)
  assert.equal(over.now, (await mesh.call(mesh.follower, 'keys')).swarm)
  assert.equal(over.by, 'ada')
  for (const { swarm } of mesh.members) {
    assert.deepEqual(swarm.older, [], 'every connection was made anew')
    // Both are taken before the new one is dialled with.
    assert.equal(swarm.dialled.length, 4)
    assert.deepEqual(swarm.dialled[1], swarm.dialled[0])
    assert.deepEqual(swarm.dialled[2], swarm.dialled[3])
  }
  met()
  const steps = (await mesh.lines(mesh.leader!, 'auditExport'))
    .map((line) => JSON.stringify(line))
    .filter((line) => line.includes('swarmKey.'))
  assert.equal(steps.length, 3)
})

test('the key is nowhere in the ledger in the open, and in no answer', async () => {
  const mesh = await rotating('hidden')
  await mesh.call(mesh.follower, 'rotateSwarmKey')
  await until(mesh, 'over', isOver)
  const [key = ''] = keysOf(mesh.members[0]!)
  const rows = [...kvRows(mesh.leader!.agent.ledger.state, NAMESPACE, '')]
  assert.ok(rows.length >= 2)
  for (const row of rows) assert.ok(!Buffer.from(row.value).toString('hex').includes(key), row.key)
  assert.ok(!JSON.stringify(await mesh.call(mesh.follower, 'keys')).includes(key))
})

for (const step of ['taken', 'dialled', 'alone'] as const) {
  test(`whoever leads is killed when hosts have come to “${step}”, and the next one ends it`, async () => {
    const mesh = await rotating(`leader ${step}`, 5)
    const met = watched(mesh)
    await mesh.call(mesh.follower, 'rotateSwarmKey')
    await mesh.until(
      () => mesh.members.some(({ swarm }) => swarm.kept.madeMs > 0 && swarm.kept.step === step),
      'somebody has come so far',
    )
    await mesh.again(mesh.leader!)
    await until(mesh, 'over', isOver)
    assert.equal(new Set(mesh.members.flatMap(keysOf)).size, 1)
    met()
  })

  test(`a host that is killed at “${step}” starts with what it kept, and comes along`, async () => {
    const mesh = await rotating(`host ${step}`, 5)
    const met = watched(mesh)
    const victim = mesh.follower
    await mesh.call(mesh.leader!, 'rotateSwarmKey')
    await mesh.until(
      () => victim.swarm.kept.madeMs > 0 && victim.swarm.kept.step === step,
      'it has come so far',
    )
    await mesh.again(victim)
    await until(mesh, 'over', isOver)
    assert.equal(new Set(mesh.members.flatMap(keysOf)).size, 1)
    met()
  })
}

test('while a host is away the old key stays, and when it is back it is taken along', async () => {
  const mesh = await rotating('away')
  const away = mesh.follower
  const [old] = keysOf(away)
  away.host.crash('kill')
  await mesh.until(
    () =>
      mesh.leader?.agent.membership.members().find(({ id }) => id === away.host.id)?.state ===
      'dead',
    'it is missed',
  )
  await mesh.call(mesh.leader!, 'rotateSwarmKey')
  const waiting = await until(
    mesh,
    'moved',
    ({ step, hosts }) => step === 'dialled' && hosts.every(({ here, done }) => done || !here),
  )
  const missing = waiting.hosts.filter(({ done }) => !done)
  assert.deepEqual(
    missing.map(({ name, here, has }) => ({ name, here, has })),
    [{ name: away.host.name, here: false, has: 'unknown' }],
  )
  const health = async () => {
    const { checks } = await mesh.call(mesh.leader!, 'health')
    return checks.find(({ check }) => check === 'swarm key')?.state
  }
  assert.equal(await health(), 'ok')
  await mesh.world.runFor(3_700_000)
  assert.equal(await health(), 'degraded')
  assert.equal((await rotationOf(mesh))?.step, 'dialled')
  for (const member of mesh.members) assert.ok(keysOf(member).includes(old ?? ''))
  away.host.restart()
  await until(mesh, 'over', isOver)
  assert.equal(new Set(mesh.members.flatMap(keysOf)).size, 1)
  assert.equal(await health(), undefined)
})

test('a person who waits no longer drops the old key, and who is away is shut out', async () => {
  const mesh = await rotating('finished', 5)
  const away = mesh.follower
  away.host.crash('kill')
  await mesh.until(
    () =>
      mesh.leader?.agent.membership.members().find(({ id }) => id === away.host.id)?.state ===
      'dead',
    'it is missed',
  )
  await mesh.call(mesh.leader!, 'rotateSwarmKey')
  await until(mesh, 'moved', ({ step }) => step === 'dialled')
  await mesh.call(mesh.leader!, 'finishSwarmKey')
  const { hosts } = await until(
    mesh,
    'over',
    ({ step, hosts }) => step === 'alone' && hosts.every(({ here, done }) => done || !here),
  )
  assert.deepEqual(
    hosts.filter(({ done }) => !done).map(({ name }) => name),
    [away.host.name],
  )
  const here = mesh.members.find((member) => member !== away)!
  assert.ok(!here.swarm.reaches(away.swarm))
})

test('a host whose disk does not take the key keeps the old one in use, and is waited for', async () => {
  const mesh = await rotating('disk')
  const sick = mesh.follower
  sick.swarm.isBroken = true
  await mesh.call(mesh.leader!, 'rotateSwarmKey')
  await until(mesh, 'others have it', ({ hosts }) =>
    hosts.every(({ name, done }) => done === (name !== sick.host.name)),
  )
  await mesh.world.runFor(30_000)
  assert.equal((await rotationOf(mesh))?.step, 'taken')
  assert.deepEqual(sick.swarm.taken.keys.length, 1)
  sick.swarm.isBroken = false
  await until(mesh, 'over', isOver)
})

test('one rotation after another, and never two at once', async () => {
  const mesh = await rotating('again')
  const refused = { code: 'conflict' }
  await assert.rejects(mesh.call(mesh.leader!, 'finishSwarmKey'), refused)
  await mesh.call(mesh.leader!, 'rotateSwarmKey')
  await until(mesh, 'begun', () => true)
  await assert.rejects(mesh.call(mesh.leader!, 'rotateSwarmKey'), refused)
  const first = await until(mesh, 'over', isOver)
  await assert.rejects(mesh.call(mesh.leader!, 'finishSwarmKey'), refused)
  await mesh.call(mesh.leader!, 'rotateSwarmKey')
  const second = await until(mesh, 'over', (each) => isOver(each) && each.now !== first.now)
  assert.equal(second.was, first.now)
  assert.ok(second.madeMs > first.madeMs)
  assert.equal(new Set(mesh.members.flatMap(keysOf)).size, 1)
})

test('a host that was taken back is told no key', async () => {
  const mesh = await rotating('taken back', 5)
  const victim = mesh.follower
  const serial = grantIn(victim.agent.peers.credential.leaf)?.serial
  await mesh.do(recordRevocation(serial ?? '', 'stolen'))
  await mesh.until(
    () => mesh.leader?.agent.peers.holderOf(victim.host.id) === undefined,
    'it is shown the door',
  )
  await mesh.call(mesh.leader!, 'rotateSwarmKey')
  await mesh.world.runFor(30_000)
  assert.equal(victim.swarm.kept.madeMs, 0)
})

test('only whoever leads is obeyed', async () => {
  const mesh = await rotating('obeyed')
  const liar = mesh.follower
  const victim = mesh.members.find((member) => member !== liar && member !== mesh.leader)!
  const said = encode(Question, {
    question: { kind: 'come', value: { madeMs: 9e12, step: 3, sealed: new Uint8Array(80) } },
  })
  const asked = await mesh.answer(liar.agent.calls.ask(victim.host.id, SERVICE, said, 3_000))
  assert.ok(asked.ok)
  const answer = decode(SwarmAnswer, asked.body)
  assert.ok(answer.ok)
  assert.equal(answer.value.standing?.madeMs, 0)
  assert.equal(victim.swarm.kept.madeMs, 0)
})

test('what a host joins with is what every host takes, at every step', async () => {
  const mesh = await rotating('joined')
  await mesh.call(mesh.leader!, 'rotateSwarmKey')
  const steps = new Set<string>()
  const endMs = mesh.world.nowMs + 60_000
  while (mesh.world.nowMs < endMs) {
    await mesh.world.runFor(50)
    for (const { swarm } of mesh.members) {
      steps.add(swarm.kept.step)
      const told = Buffer.from(dialledOf(swarm.kept)).toString('hex')
      for (const other of mesh.members) assert.ok(keysOf(other).includes(told))
    }
  }
  assert.equal(steps.size, 3)
})

test('whoever dies and comes back, and when: it ends with one key, and nobody is ever apart', async () => {
  const blow = fc.record({
    afterMs: fc.integer({ min: 0, max: 4_000 }),
    victim: fc.integer({ min: 0, max: 4 }),
    awayMs: fc.integer({ min: 0, max: 20_000 }),
  })
  const blows = fc.array(blow, { minLength: 1, maxLength: 5 })
  let meshes = 0
  await fc.assert(
    fc.asyncProperty(blows, async (struck) => {
      const mesh = await rotating(`struck ${meshes++}`, 5)
      const met = watched(mesh)
      await mesh.call(mesh.leader!, 'rotateSwarmKey')
      for (const { afterMs, victim, awayMs } of struck) {
        await mesh.world.runFor(afterMs)
        const { host } = mesh.members[victim]!
        if (host.state !== 'up') continue
        host.crash('kill')
        await mesh.world.runFor(awayMs)
        host.restart()
      }
      await mesh.until(() => mesh.members.every(({ host }) => host.state === 'up'), 'all are up')
      await until(mesh, 'over', isOver)
      assert.equal(new Set(mesh.members.flatMap(keysOf)).size, 1)
      met()
    }),
    { numRuns: 12 },
  )
})
