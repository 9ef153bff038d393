/** What people wish of rounds: done once, in the order in which it was wished, and ended on purpose. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callOf } from '../../coordinator/api/calls.ts'
import { roundsIn } from '../../coordinator/learning/rounds/rows.ts'
import { putWish } from '../../coordinator/learning/rounds/wish.ts'
import { registryIn } from '../../models/registry/versions.ts'
import type { Member, Mesh } from '../history/stage.ts'
import { ask, ended, inPhase, learners, oneRound, roundOf, tampered } from './learners.ts'

/** By the world's time. */
const later = ({ agent }: Member) =>
  new Promise<void>((resolve) => agent.ports.clock.after(10, resolve))

const federation = (mesh: Mesh, member: Member = mesh.follower) => mesh.call(member, 'federation')

test('who stops rounds ends the one that is under way, and what was asked for is done no more', async () => {
  const mesh = await learners('stop')
  const { after } = await mesh.call(mesh.follower, 'askForRounds', { body: { count: 5 } })
  await ended(mesh, after)
  await inPhase(mesh, after + 2, 'training')
  const beganMs = mesh.world.nowMs
  const body = { reason: 'the hosts are needed' }
  const told = await mesh.call(mesh.follower, 'stopRounds', { body })
  assert.deepEqual([told.awaited, told.round, told.done], [4, after + 2, true])
  assert.ok(mesh.world.nowMs - beganMs < 3_000, 'no step is waited for')
  const broken = roundOf(mesh, after + 2)
  assert.equal(broken?.state, 'failed')
  assert.match(broken?.why ?? '', /has stopped it: the hosts are needed$/)
  await mesh.world.runFor(20_000)
  assert.equal(roundOf(mesh, after + 3), undefined)
  const standing = await federation(mesh)
  assert.equal(standing.awaited, 0)
  assert.equal(standing.stopped?.reason, 'the hosts are needed')
  const { entries } = await mesh.call(mesh.follower, 'audit', { query: { last: 100 } })
  assert.equal(entries.filter(({ verb }) => verb === 'federate.stop').length, 1)
  const { head } = registryIn(mesh.leader!.agent.ledger.state)
  assert.equal(head, roundOf(mesh, after + 1)?.candidate, 'what was kept before stays')
  await assert.rejects(mesh.call(mesh.follower, 'stopRounds', { body }), /none is to come/)
  assert.notEqual((await oneRound(mesh)).state, 'failed', 'and who asks anew is heard')
})

test('of two who wish at once one is told that the other was first', async () => {
  const mesh = await learners('at once')
  const { seen } = await federation(mesh)
  const [one, other] = mesh.members as [Member, Member]
  const ask = ({ api }: Member) =>
    api.answer(callOf('askForRounds', { body: { count: 2, seen } }), new AbortController().signal)
  const told = await mesh.answer(Promise.all([ask(one), ask(other)]))
  assert.deepEqual(told.map(({ status }) => status).sort(), [200, 409])
  const late = mesh.call(one, 'askForRounds', { body: { count: 3, seen } })
  await assert.rejects(late, /has asked for rounds meanwhile/)
  await ended(mesh, 1)
  await mesh.world.runFor(10_000)
  assert.equal(roundOf(mesh, 3), undefined)
  const stop = mesh.call(one, 'stopRounds', { body: { seen } })
  await assert.rejects(stop, /has asked for rounds meanwhile/)
})

test('what is asked again, because its answer was lost, is done once', async () => {
  const mesh = await learners('again')
  const { seen } = await federation(mesh)
  const ask = (member: Member) => mesh.call(member, 'askForRounds', { body: { count: 1, seen } })
  const [one, other] = mesh.members as [Member, Member]
  const first = await ask(one)
  assert.deepEqual(await ask(other), first, 'while it is to come')
  await ended(mesh, first.after)
  assert.deepEqual(await ask(other), first, 'and when it is over')
  await mesh.world.runFor(10_000)
  assert.equal(roundOf(mesh, first.after + 2), undefined)
  assert.equal(roundsIn(mesh.leader!.agent.ledger.state).tally.number, first.after + 1)
})

for (const phase of ['masking', 'voting'] as const) {
  test(`a stop while hosts are ${phase} ends the round, and nothing comes of it`, async () => {
    const mesh = await learners(`stop ${phase}`)
    const { after } = await mesh.call(mesh.follower, 'askForRounds', { body: { count: 2 } })
    const { ledger } = mesh.leader!.agent
    await inPhase(mesh, after + 1, phase)
    // A stop takes as long as a look; the step that it ends is to last longer.
    for (const member of mesh.members) tampered(member, () => undefined)
    const told = await mesh.call(mesh.follower, 'stopRounds', { body: {} })
    assert.deepEqual([told.round, told.state, told.done], [after + 1, 'failed', true])
    assert.match(roundOf(mesh, after + 1)?.why ?? '', /has stopped it/)
    assert.equal(registryIn(ledger.state).head, undefined)
    await mesh.world.runFor(10_000)
    assert.equal(roundOf(mesh, after + 2), undefined)
  })
}

test('a stop that comes after the end of a round says what became of it', async () => {
  const mesh = await learners('stop late')
  const { after } = await mesh.call(mesh.follower, 'askForRounds', { body: { count: 3 } })
  await inPhase(mesh, after + 1, 'voting')
  const { ledger } = mesh.follower.agent
  const append = ledger.append.bind(ledger)
  // It is on its way while the round ends, and the next one is not begun yet.
  ledger.append = async (...args) => {
    while (roundsIn(ledger.state).last?.state === 'open') await later(mesh.follower)
    return append(...args)
  }
  const told = await mesh.call(mesh.follower, 'stopRounds', { body: {} })
  assert.deepEqual([told.awaited, told.done], [3, true])
  const round = roundOf(mesh, told.round ?? 0)
  assert.equal(told.state, round?.state)
})

test('a wish of a time that cannot be ends no others, and neither does one of the same time', async () => {
  const mesh = await learners('time')
  const atMs = Number.MAX_SAFE_INTEGER
  await mesh.ok(putWish({ count: 1, by: 'ada', atMs }))
  await ended(mesh, 0)
  await mesh.ok(putWish({ count: 1, by: 'ada', atMs }))
  await ended(mesh, 1)
  const { after } = await mesh.call(mesh.follower, 'askForRounds', { body: { count: 4 } })
  await ended(mesh, after)
  const told = await mesh.call(mesh.follower, 'stopRounds', { body: {} })
  assert.equal(told.done, true)
  assert.equal((await federation(mesh)).awaited, 0)
})

test('while a stop is on its way nobody can ask for more in its place', async () => {
  const mesh = await learners('on its way')
  const number = await ask(mesh, 5)
  await ended(mesh, number)
  // No leader looks at rounds: it is at something else.
  const { models } = mesh.leader!.agent.learning
  const search = models.search.bind(models)
  const held = Promise.withResolvers<void>()
  models.search = async (...args) => {
    await held.promise
    return search(...args)
  }
  await mesh.until(() => roundOf(mesh, number + 2)?.state !== 'open', 'a round is over')
  await mesh.world.runFor(2_000)
  const stopping = mesh.call(mesh.follower, 'stopRounds', { body: {} })
  const told = await stopping
  assert.equal(told.done, false)
  const more = mesh.call(mesh.follower, 'askForRounds', { body: { count: 7 } })
  await assert.rejects(more, /about to end/)
  held.resolve()
  await mesh.world.runFor(20_000)
  const standing = await federation(mesh)
  assert.deepEqual([standing.awaited, standing.stopped !== undefined], [0, true])
})
