/** What peers must show, and what becomes of those who cannot. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trustLimits } from '../../agent/trust/limits.ts'
import { introductionPurpose, purposeRules } from '../../agent/trust/purposes.ts'
import { Introduction } from '../../protocol/identity/introduction.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { simulatedCredential } from '../../simulations/world/credentials.ts'
import { keyNumber } from '../identity/parties.ts'
import { calls, Stage } from './stage.ts'

const dayMs = 86_400_000

test('two peers of the mesh hear each other, either way, and are told of each other first', async () => {
  const stage = new Stage('two')
  const [a, b] = [stage.seat('a'), stage.seat('b', { roles: ['agent'] })]
  await stage.says(a, b, 'hello')
  await stage.says(b, a, 'and hello')
  assert.deepEqual([a.heard, b.heard], [['b: and hello'], ['a: hello']])
  assert.deepEqual([a.events, b.events], [['connected b'], ['connected a']])
  assert.equal(a.trusted?.isCoordinator(b.host.id), false)
  assert.equal(b.trusted?.isCoordinator(a.host.id), true)
  assert.deepEqual(b.trusted?.holderOf(a.host.id)?.roles, ['coordinator'])
  assert.deepEqual([...a.refusals, ...b.refusals], [])
})

test('a stranger with the swarm key hears nothing, is not heard, and is shown the door', async () => {
  const stage = new Stage('stranger')
  const [a, s] = [stage.seat('a'), stage.stranger('s')]
  const stream = await stage.open(s, a)
  assert.ok(typeof stream !== 'string')
  stream.send(Buffer.from('let me in'))
  assert.deepEqual(a.trusted?.connected(), [])
  await stage.world.runFor(trustLimits.strangerMs + 1_000)
  assert.deepEqual([a.heard, a.events, s.heard], [[], [], []])
  assert.ok(!stream.open)
  assert.deepEqual(s.events, ['connected a', 'disconnected a'])
  assert.deepEqual(
    a.refusals.map(({ peer, why }) => [peer, why]),
    [[s.host.id, 'noCredential']],
  )
  assert.equal(a.trusted?.refusals().trustNoCredential, 1)
})

test('nobody opens a stream to a stranger', async () => {
  const stage = new Stage('to a stranger')
  const [a, s] = [stage.seat('a'), stage.stranger('s')]
  assert.equal(typeof (await stage.open(a, s)), 'string')
  assert.deepEqual(s.heard, [])
})

const bad = {
  expired: { notAfterMs: 1 },
  notYetValid: { notBeforeMs: 8e12 },
  foreignMesh: { mesh: meshIdOf(keyNumber(9).id) },
  notItsOwn: { subject: keyNumber(9).id },
  missingRole: { kind: 'person', roles: ['viewer'] },
  revoked: { serial: 'dead' },
} as const

for (const [why, change] of Object.entries(bad)) {
  test(`who shows what is ${why} gets nothing, and is told of by that word`, async () => {
    const stage = new Stage(why)
    stage.revoked.add('dead')
    const [a, b] = [stage.seat('a'), stage.seat('b', change)]
    assert.equal(typeof (await stage.open(b, a)), 'string')
    assert.equal(typeof (await stage.open(a, b)), 'string')
    assert.deepEqual([a.heard, b.heard, a.events], [[], [], []])
    assert.ok(a.refusals.length >= 1)
    for (const refusal of a.refusals) assert.equal(refusal.why, why)
  })
}

test('garbage instead of a credential is refused, and answered by nobody', async () => {
  const stage = new Stage('garbage')
  const [a, s] = [stage.seat('a'), stage.stranger('s')]
  const credential = simulatedCredential(s.host.id, 's')
  const whole = encode(Introduction, { credential })
  for (const length of [1, 50, whole.length - 1]) {
    const stream = await stage.open(s, a, introductionPurpose)
    assert.ok(typeof stream !== 'string')
    let answered = false
    stream.onFrame = () => {
      answered = true
    }
    stream.onClose = () => {}
    stream.send(whole.subarray(0, length))
    await stage.world.runFor(1_000)
    assert.deepEqual([answered, stream.open], [false, false])
  }
  assert.equal(a.trusted?.refusals().trustMalformed, 3)
  assert.equal(a.refusals.length, 1, 'told once in a minute, counted always')
})

test('a certificate that is taken back ends what runs, and lets nothing begin', async () => {
  const stage = new Stage('revoked')
  const [a, b] = [stage.seat('a'), stage.seat('b', { serial: 'dead' })]
  const stream = await stage.says(b, a, 'hello')
  stage.revoked.add('dead')
  a.trusted?.lookAgain()
  await stage.world.runFor(1_000)
  assert.ok(!stream.open)
  assert.deepEqual(a.events, ['connected b', 'disconnected b'])
  assert.equal(typeof (await stage.open(a, b)), 'string')
  // It may have another certificate by now; with the same it is shown the door as soon as it shows it.
  const again = await stage.open(b, a)
  if (typeof again !== 'string') again.send(Buffer.from('hello again'))
  await stage.world.runFor(1_000)
  assert.ok(typeof again === 'string' || !again.open)
  assert.deepEqual(a.events, ['connected b', 'disconnected b'])
  assert.deepEqual(a.heard, ['b: hello'])
})

test('who comes back with another certificate than the one taken back is let in, but not with a key that was', async () => {
  for (const revoked of ['dead', 'its key'] as const) {
    const stage = new Stage(`another ${revoked}`)
    const [a, b] = [stage.seat('a'), stage.seat('b', { serial: 'dead' })]
    await stage.says(b, a, 'hello')
    stage.revoked.add(revoked === 'dead' ? revoked : b.host.id)
    a.trusted?.lookAgain()
    await stage.world.runFor(1_000)
    b.host.crash('kill')
    stage.boot(b, simulatedCredential(b.host.id, 'b', { serial: 'beef' }))
    const again = await stage.open(b, a)
    if (typeof again !== 'string') again.send(Buffer.from('hello again'))
    await stage.world.runFor(1_000)
    const isBack = revoked === 'dead'
    assert.deepEqual(a.trusted?.connected(), isBack ? [b.host.id] : [])
    assert.deepEqual(a.heard, isBack ? ['b: hello', 'b: hello again'] : ['b: hello'])
  }
})

test('a certificate that ends while its owner is here ends its being here', async () => {
  const stage = new Stage('ends')
  const [a, b] = [stage.seat('a'), stage.stranger('b')]
  await stage.world.runFor(1)
  const nowMs = a.ports.clock.wall()
  const ends = simulatedCredential(b.host.id, 'b', { notAfterMs: nowMs + dayMs / 2 })
  b.host.crash('kill')
  stage.boot(b, ends)
  await stage.says(b, a, 'hello')
  await stage.world.runFor(dayMs / 2 - 3_600_000)
  assert.deepEqual(a.trusted?.connected(), [b.host.id])
  await stage.world.runFor(3_600_000)
  assert.deepEqual(a.trusted?.connected(), [])
  assert.ok(a.refusals.every(({ why }) => why === 'expired'))
})

test('one that comes back with a better certificate is believed again', async () => {
  const stage = new Stage('renewed')
  const [a, b] = [stage.seat('a'), stage.seat('b', { notAfterMs: 1 })]
  assert.equal(typeof (await stage.open(b, a)), 'string')
  b.host.crash('kill')
  stage.boot(b, simulatedCredential(b.host.id, 'b'))
  await stage.says(b, a, 'hello')
  assert.deepEqual(a.heard, ['b: hello'])
})

test('who forgot everything in a restart meets again those who remember it', async () => {
  const stage = new Stage('forgetful')
  const [a, b] = [stage.seat('a'), stage.seat('b')]
  await stage.says(a, b, 'one')
  for (const seat of [a, b]) {
    seat.host.crash('kill')
    stage.boot(seat, simulatedCredential(seat.host.id, seat.host.name))
    await stage.says(a, b, `${seat.host.name} to b`)
    await stage.says(b, a, `${seat.host.name} to a`)
  }
  assert.deepEqual(b.heard, ['a: one', 'a: a to b', 'a: b to b'])
  assert.deepEqual(a.heard, ['b: a to a', 'b: b to a'])
})

test('only coordinators stand, vote, append and assign; all else any agent may say', async () => {
  const stage = new Stage('ranks')
  const [a, b, c] = [stage.seat('a'), stage.seat('b', { roles: ['agent'] }), stage.seat('c')]
  await stage.says(b, a, 'hello')
  await stage.says(c, a, 'hello')
  const trusted = a.trusted!
  for (const kind of ['voteRequest', 'voteAnswer', 'append', 'heartbeat', 'timeoutNow']) {
    assert.equal(trusted.maySay(b.host.id, '/skein/consensus/1', kind), false, kind)
    assert.equal(trusted.maySay(c.host.id, '/skein/consensus/1', kind), true, kind)
  }
  for (const kind of ['assign', 'cancel', 'committed', 'inventoryRequest', 'keep']) {
    assert.equal(trusted.maySay(b.host.id, '/skein/work/1', kind), false, kind)
    assert.equal(trusted.maySay(c.host.id, '/skein/work/1', kind), true, kind)
  }
  assert.ok(trusted.maySay(b.host.id, '/skein/consensus/1', 'appendAnswer'))
  assert.ok(trusted.maySay(b.host.id, '/skein/work/1', 'reports'))
  assert.equal(trusted.refusals().trustMissingRole, 10)
})

test('a purpose without a rule cannot be used at all', async () => {
  const stage = new Stage('ruleless')
  const a = stage.seat('a')
  await stage.world.runFor(1)
  assert.throws(() => a.trusted?.accept('/skein/new/1', () => {}), /purposes\.ts/)
  assert.ok(purposeRules[calls])
})
