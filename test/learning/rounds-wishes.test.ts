/** What people wish of rounds: done once, in the order in which it was wished, and ended on purpose. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callOf } from '../../coordinator/api/calls.ts'
import { roundsIn } from '../../coordinator/learning/rounds/rows.ts'
import { registryIn } from '../../models/registry/versions.ts'
import type { Member, Mesh } from '../history/stage.ts'
import { ended, inPhase, learners, oneRound, roundOf } from './learners.ts'

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
