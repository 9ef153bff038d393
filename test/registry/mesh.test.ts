/** Versions on a whole mesh: judged as work ends, promoted, taken back, and shown to people. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADVICE_SERVICE, AdviceTold } from '../../agent/learning/advice-wire.ts'
import { putRollbackWish, rollbackWishIn } from '../../coordinator/learning/wishes.ts'
import { describedStart } from '../../models/federation/trees/cuts.ts'
import { packed } from '../../models/registry/blob.ts'
import { packedForest } from '../../models/registry/forest-blob.ts'
import { promotingLimits } from '../../models/registry/promoting.ts'
import { encode } from '../../protocol/wire/codec.ts'
import type { Program } from '../../simulations/world/programs.ts'
import type { Member } from '../history/stage.ts'
import { Replica } from '../ledger/stage.ts'
import { Learning, made, trained, versionOf } from './stage.ts'

test('what does well goes from shadow to canary to active by itself, and is taken back when it does not any more', async () => {
  const learning = await Learning.of('by itself')
  const first = await learning.add(versionOf(1))
  learning.say(first, () => ({}))
  await learning.state(first, 'canary')
  await learning.state(first, 'active')
  const next = await learning.add(versionOf(2), first)
  learning.say(next, () => ({}))
  await learning.state(next, 'active')
  await learning.state(first, 'retired')
  const n = promotingLimits.activeAttempts
  learning.say(next, () => ({ attempts: n, n, loss: 0.9 }))
  await learning.state(next, 'rolledBack')
  await learning.state(first, 'active')
  assert.match(
    learning.registry.view().versions.find(({ hash }) => hash === next)?.why ?? '',
    /worse than history alone .*: 0.900 beside 0.400/,
  )
  assert.deepEqual(learning.events().filter((kind) => kind === 'model.rolledBack').length, 1)
})

test('a new leader goes on with what it finds, by what hosts tell it', async () => {
  const learning = await Learning.of('new leader')
  const { mesh } = learning
  const hash = await learning.add(versionOf(1))
  const fetched = () => mesh.members.every(({ agent }) => agent.learning.models.has(hash))
  await mesh.until(fetched, 'all have it')
  const before = mesh.leader
  before!.host.crash('kill')
  learning.say(hash, () => ({}))
  await mesh.until(() => mesh.leader !== undefined && mesh.leader !== before, 'another leads')
  await learning.state(hash, 'active')
})

test('while no more than half of the hosts answer nothing is decided', async () => {
  const learning = await Learning.of('unheard', 5)
  const { mesh } = learning
  const hash = await learning.add(versionOf(1))
  learning.say(hash, () => ({}))
  const others = mesh.members.filter((member) => member !== mesh.leader)
  for (const { agent } of others.slice(0, 3)) {
    agent.calls.serve(ADVICE_SERVICE, () => new Promise(() => {}))
  }
  await mesh.world.runFor(60_000)
  const { versions } = learning.registry.view()
  assert.deepEqual(
    versions.map(({ state }) => state),
    ['shadow'],
  )
  const [heard] = others as [Member]
  heard.agent.calls.serve(ADVICE_SERVICE, async () =>
    encode(AdviceTold, {
      hosts: [{ id: heard.host.id, standings: heard.agent.learning.advisor.standings() }],
    }),
  )
  await learning.state(hash, 'canary')
})

test('one host that lies changes nothing of what the others say', async () => {
  const learning = await Learning.of('liar')
  const hash = await learning.add(versionOf(1))
  const [liar] = learning.mesh.members
  learning.say(hash, (member) =>
    member === liar
      ? { attempts: 1e9, n: 128, loss: 0, rival: 10, plain: 10 }
      : { loss: 0.5, attempts: 50 },
  )
  await learning.state(hash, 'rejected')
})

test('every host comes by the versions that the ledger names, also one that was away', async () => {
  const learning = await Learning.of('fetched', 4)
  const { mesh } = learning
  const away = mesh.follower
  away.host.crash('kill')
  const hash = await learning.add(versionOf(1))
  await mesh.again(away)
  await mesh.until(
    () => mesh.members.every(({ agent }) => agent.learning.models.has(hash)),
    'all have it',
  )
})

test('a person takes a version back at any agent, with a reason that stays', async () => {
  const learning = await Learning.of('person')
  const { mesh } = learning
  const first = await learning.add(versionOf(1))
  await mesh.answer(learning.registry.move(first, 'active', 'good'))
  const next = await learning.add(versionOf(2), first)
  await mesh.answer(learning.registry.move(next, 'active', 'better'))
  const body = { reason: 'it says too little' }
  const told = await mesh.call(mesh.follower, 'rollBackModel', { body })
  assert.deepEqual([told.was, told.active, told.done], [next, first, true])
  const { version } = await mesh.call(mesh.follower, 'model', { parameters: { version: next } })
  assert.match(version.why, /: it says too little$/)
  assert.equal(version.state, 'rolledBack')
  const again = { ...body, of: next }
  const same = await mesh.call(mesh.follower, 'rollBackModel', { body: again })
  assert.deepEqual([same.was, same.active, same.done], [next, first, true], 'said again it is done')
  assert.equal(learning.registry.view().active?.hash, first, 'and once')
  const overtaken = mesh.call(mesh.follower, 'rollBackModel', {
    body: { reason: 'x', of: 'f'.repeat(64) },
  })
  await assert.rejects(overtaken, /another version is active by now/)
  const forth = await mesh.call(mesh.follower, 'rollBackModel', {
    body: { reason: 'it was good', to: next.slice(0, 12) },
  })
  assert.equal(forth.active, next)
  const nowhere = mesh.call(mesh.follower, 'rollBackModel', {
    body: { reason: 'x', to: 'ffffffff' },
  })
  await assert.rejects(nowhere, /no version is called/)
  const gone = await mesh.answer(
    learning.registry.add({ ...made(versionOf(9), next), hash: 'e'.repeat(64) }, 'x'.repeat(9_999)),
  )
  assert.ok(gone.ok, 'what is too long is cut')
  const unheld = mesh.call(mesh.follower, 'rollBackModel', {
    body: { reason: 'x', to: 'eeeeee' },
  })
  await assert.rejects(unheld, /no host that was asked has version eeeeeeeeeeee/)
  await mesh.answer(learning.registry.rollBack(undefined, 'and away'))
  await mesh.answer(learning.registry.rollBack(undefined, 'and away'))
  const none = mesh.call(mesh.follower, 'rollBackModel', { body })
  await assert.rejects(none, /no version is active/)
  const after = await mesh.call(mesh.follower, 'rollBackModel', {
    body: { reason: 'it was good after all', to: first },
  })
  assert.deepEqual([after.was, after.active, after.done], [undefined, first, true])
})

test('of two wishes to take a version back, said at once, the ledger takes one', () => {
  const replica = new Replica()
  const wishOf = (by: string) =>
    putRollbackWish({ of: 'a'.repeat(64), by, reason: 'worse', atMs: 1 }, 0)
  assert.equal(replica.do(wishOf('ada')).code, 'ok')
  assert.equal(replica.do(wishOf('bob')).code, 'conflict')
  assert.equal(rollbackWishIn(replica.state)?.by, 'ada')
})

/** A second, or a tenth more or less, in turn. */
let begun = 0
const build: Program = (self) => {
  self.after(900 + ((begun++ * 70) % 200), () => self.exit(0))
}

test('work is judged as it ends, plans say by whom, and what is expected is explained host by host', async () => {
  const learning = await Learning.of('judged', 3, { build })
  const { mesh } = learning
  await learning.run('known', 12)
  const parameters = await trained(mesh)
  const hash = await learning.add(packed(parameters))
  await mesh.answer(learning.registry.move(hash, 'active', 'for the test'))
  await mesh.until(
    () => mesh.members.every(({ agent }) => agent.learning.models.has(hash)),
    'all have it',
  )
  await mesh.world.runFor(20_000)
  await learning.run('known', 6)
  await mesh.world.runFor(150_000)
  const judged = mesh.members.flatMap(({ agent }) => agent.learning.advisor.standings())
  assert.ok(judged.some(({ n }) => n > 0))
  assert.ok(
    judged.every((one) => one.loss < 1 && one.hash === hash),
    JSON.stringify(judged),
  )
  const listed = await mesh.call(mesh.follower, 'models')
  assert.equal(
    listed.versions[0]?.live?.n,
    judged.reduce((sum, { n }) => sum + n, 0),
  )
  const card = await mesh.call(mesh.follower, 'model', { parameters: { version: 'duration' } })
  assert.equal(card.hosts.length, judged.filter(({ n }) => n > 0).length)
  const told = await mesh.call(mesh.follower, 'explainWork', { query: { stage: 'two' } })
  assert.equal(told.workflow, 'known')
  assert.equal(told.hosts.length, 3)
  for (const host of told.hosts) {
    assert.notEqual(host.says, 'nothing')
    assert.equal(host.version, hash)
    assert.equal(host.factors?.length, 9)
    assert.ok(Math.abs(Math.log((host.corrected?.p50 ?? 0) / 1_000)) < 0.3, JSON.stringify(host))
  }
  const pause = mesh.call(mesh.follower, 'explainWork', { query: { stage: 'pause' } })
  await assert.rejects(pause, /nothing to expect/)
  const typo = mesh.call(mesh.follower, 'explainWork', { query: { stage: 'twoo' } })
  await assert.rejects(typo, /did you mean two/)
})

test('trees are judged as work ends, go on as the network does, and are shown and explained', async () => {
  const learning = await Learning.of('trees judged', 3, { build })
  const { mesh } = learning
  await learning.run('known', 8)
  const moves = [900, 1_000, 1_100].map((ms, k) =>
    Math.fround(Math.log(ms) - (describedStart[k] as number)),
  ) as [number, number, number]
  const tree = { branches: new Map(), leaves: new Map([[0, moves]]) }
  const hash = await learning.add(packedForest([tree]), undefined, 'trees')
  const net = await learning.add(versionOf(1))
  await mesh.until(
    () => mesh.members.every(({ agent }) => agent.learning.models.has(hash)),
    'all have it',
  )
  await mesh.world.runFor(20_000)
  await learning.run('known', 6)
  await mesh.world.runFor(60_000)
  const standings = mesh.members.flatMap(({ agent }) => agent.learning.advisor.standings())
  const meanOf = (of: string) => {
    const said = standings.filter(({ hash: which, n }) => which === of && n > 0)
    return said.reduce((sum, { loss }) => sum + loss, 0) / said.length
  }
  // Both are on trial at once, each as the shadow of its family.
  assert.ok(meanOf(hash) < 0.5 * meanOf(net), `${meanOf(hash)} beside ${meanOf(net)}`)
  learning.say(hash, () => ({}))
  await learning.state(hash, 'active')
  await mesh.world.runFor(10_000)
  assert.equal(learning.registry.view().versions.find((each) => each.hash === net)?.state, 'shadow')
  const card = await mesh.call(mesh.follower, 'model', { parameters: { version: 'duration' } })
  assert.deepEqual([card.version.family, card.trees, card.numbers], ['trees', 1, 3])
  const told = await mesh.call(mesh.follower, 'explainWork', { query: { stage: 'two' } })
  for (const host of told.hosts) {
    assert.equal(host.version, hash)
    assert.ok(Math.abs((host.bare?.p50 ?? 0) - 1_000) < 1, JSON.stringify(host))
  }
})

test('a version that turns out to know nothing is taken back, by attempts that hosts have judged', async () => {
  const learning = await Learning.of('knows nothing', 3, { build })
  const { mesh } = learning
  await learning.run('known', 8)
  const hash = await learning.add(versionOf(1))
  await mesh.answer(learning.registry.move(hash, 'active', 'for the test'))
  await mesh.until(
    () => mesh.members.every(({ agent }) => agent.learning.models.has(hash)),
    'all have it',
  )
  await mesh.world.runFor(20_000)
  for (let i = 0; i < 40 && learning.registry.view().active !== undefined; i++) {
    await learning.run('known', 3)
    await mesh.world.runFor(60_000)
  }
  const [version] = learning.registry.view().versions
  assert.equal(version?.state, 'rolledBack')
  assert.match(version.why, /of late .* worse than history alone/)
})

test('nobody is told of a model where none was made', async () => {
  const { mesh } = await Learning.of('none', 1)
  assert.deepEqual((await mesh.call(mesh.leader!, 'models')).versions, [])
  const none = mesh.call(mesh.leader!, 'model', { parameters: { version: 'duration' } })
  await assert.rejects(none, /no version of a model was made yet/)
})
