/** Federated rounds among whole agents: what comes of them, and what it takes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notThere } from '../../agent/learning/models.ts'
import { roundLimits } from '../../agent/learning/round/limits.ts'
import { Registry } from '../../coordinator/learning/registry.ts'
import { roundsLimits } from '../../coordinator/learning/rounds/limits.ts'
import { roundsIn } from '../../coordinator/learning/rounds/rows.ts'
import { federationLimits } from '../../models/federation/limits.ts'
import { MaskingServer } from '../../models/federation/masking/server.ts'
import { usualCourse } from '../../models/federation/rounds/course.ts'
import { registryIn } from '../../models/registry/versions.ts'
import { StopWord } from '../../protocol/estop/word.ts'
import { issuePerson } from '../../protocol/identity/issuing.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { DiskError } from '../../protocol/ports/disk.ts'
import { encode } from '../../protocol/wire/codec.ts'
import {
  keyBehind,
  simulatedCredential,
  simulatedIssuer,
} from '../../simulations/world/credentials.ts'
import { SimulatedEngine } from '../../simulations/world/engine.ts'
import { raiseOf, signed } from '../estop/words.ts'
import type { Member, Mesh } from '../history/stage.ts'
import { keyNumber } from '../identity/parties.ts'
import {
  ask,
  choose,
  ended,
  hostOf,
  inPhase,
  learners,
  oneRound,
  remember,
  roundOf,
} from './learners.ts'

test('five hosts learn together, and what they are better off with is kept', async () => {
  const mesh = await learners('kept')
  const beganMs = mesh.world.nowMs
  const first = await oneRound(mesh)
  assert.equal(first.state, 'kept', first.why)
  assert.ok(mesh.world.nowMs - beganMs < 10_000)
  assert.equal(first.hosts.filter(({ counted }) => counted).length, 5)
  for (const { before, after, upBytes, downBytes } of first.hosts) {
    assert.ok((after ?? 1) < (before ?? 0))
    assert.ok(upBytes > 15_000 && upBytes <= federationLimits.roundBytesMax, String(upBytes))
    assert.ok(downBytes > 0 && downBytes <= federationLimits.roundBytesMax, String(downBytes))
  }
  const view = registryIn(mesh.leader!.agent.ledger.state)
  assert.equal(view.head, first.candidate)
  assert.equal(view.shadow?.hash, first.candidate)
  assert.deepEqual(view.shadow?.parents, [first.base])
  const second = await oneRound(mesh)
  assert.equal(second.base, first.candidate)
  // Every host had it already.
  assert.ok(second.hosts.every(({ downBytes }) => downBytes < 25_000))
  assert.ok((second.lossBefore ?? 1) < (first.lossBefore ?? 0))
})

test('what is taken back while a round goes on from it does not come back with its end', async () => {
  const mesh = await learners('taken back')
  const first = await oneRound(mesh)
  const registry = new Registry(mesh.leader!.agent)
  const bad = first.candidate as string
  await mesh.answer(registry.move(bad, 'active', 'it looked good'))
  const number = (await ask(mesh)) + 1
  await inPhase(mesh, number, 'training')
  const back = await mesh.answer(registry.rollBack(undefined, 'it was bad'))
  assert.ok(back.ok, JSON.stringify(back))
  const round = await ended(mesh, number - 1)
  assert.match(`${round.state}: ${round.why}`, /^failed: .*has been rolled back/)
  assert.deepEqual([registry.view().head, registry.view().shadow], [undefined, undefined])
})

test('what training does not go on from any more does not come back either', async () => {
  const mesh = await learners('set back')
  const first = await oneRound(mesh)
  const registry = new Registry(mesh.leader!.agent)
  await mesh.answer(registry.move(first.candidate as string, 'active', 'it looked good'))
  // On trial, of what is active: it is retired with it, and not rolled back.
  const second = await oneRound(mesh)
  assert.equal(second.state, 'kept', second.why)
  const number = (await ask(mesh)) + 1
  await inPhase(mesh, number, 'training')
  const back = await mesh.answer(registry.rollBack(undefined, 'it was bad'))
  assert.ok(back.ok, JSON.stringify(back))
  const round = await ended(mesh, number - 1)
  assert.match(`${round.state}: ${round.why}`, /^failed: .*another version by now/)
  assert.equal(registry.view().head, undefined)
})

test('what hosts train and vote with stays open from round to round', async (t) => {
  const mesh = await learners('open')
  const { mock } = t.mock.method(SimulatedEngine.prototype, 'open')
  await oneRound(mesh)
  await mesh.world.runFor(10_000)
  // To train, to vote, and to judge versions by.
  assert.equal(mock.callCount(), 5 * 3)
  await oneRound(mesh)
  await mesh.world.runFor(10_000)
  assert.equal(mock.callCount(), 5 * 3)
})

test('rounds that are asked for are done one after the other, and told to whoever looks', async () => {
  const mesh = await learners('asked')
  const { after, count } = await mesh.call(mesh.follower, 'askForRounds', { body: { count: 3 } })
  assert.deepEqual([after, count], [0, 3])
  await assert.rejects(
    mesh.call(mesh.follower, 'askForRounds', { body: { count: 1 } }),
    /to come already/,
  )
  await ended(mesh, 2)
  const told = await mesh.call(mesh.follower, 'federation')
  assert.deepEqual([told.awaited, told.round?.number], [0, 3])
  const { rounds } = await mesh.call(mesh.follower, 'federatedRounds')
  assert.deepEqual(
    rounds.map(({ number }) => number),
    [3, 2, 1],
  )
  assert.ok(rounds.every(({ hosts }) => hosts.every(({ name }) => /^n\d$/.test(name))))
  await mesh.world.runFor(5_000)
  assert.equal(roundOf(mesh, 4), undefined)
  const { entries } = await mesh.call(mesh.follower, 'audit', { query: { last: 100 } })
  assert.equal(entries.filter(({ verb }) => verb.startsWith('federation.')).length, 3)
  assert.equal(entries.filter(({ verb }) => verb === 'federate.round').length >= 1, true)
})

test('on a schedule rounds come by themselves, and stop when it is off', async () => {
  const mesh = await learners('schedule')
  await mesh.call(mesh.follower, 'configureFederation', { body: { everyMs: 60_000, steps: 5 } })
  await mesh.world.runFor(150_000)
  assert.deepEqual([roundOf(mesh, 2)?.by, roundOf(mesh, 2)?.steps], ['the schedule', 5])
  assert.equal(roundOf(mesh, 3), undefined)
  await mesh.call(mesh.follower, 'configureFederation', { body: { everyMs: 0 } })
  await mesh.world.runFor(150_000)
  assert.equal(roundOf(mesh, 3), undefined)
  assert.equal((await mesh.call(mesh.follower, 'federation')).settings.steps, 5)
})

test('a host with little to learn from is left out, and says so; a drained one is not asked', async () => {
  const mesh = await learners('little', 5, (index) => (index === 3 ? 7 : 120))
  const [, , , few, drained] = mesh.members as [Member, Member, Member, Member, Member]
  await mesh.call(mesh.follower, 'drain', {
    parameters: { node: drained.host.name },
    body: { drained: true, reason: 'disk' },
  })
  const round = await oneRound(mesh)
  assert.equal(round.state, 'kept', round.why)
  assert.equal(hostOf(round, drained), undefined)
  assert.equal(hostOf(round, few)?.out, 'excused')
  assert.match(hostOf(round, few)?.why ?? '', /fewer than 20 attempts/)
})

test('with too few hosts that know anything nothing is done, and it says so', async () => {
  const mesh = await learners('few', 5, (index) => (index < 2 ? 120 : 0))
  const { after } = await mesh.call(mesh.follower, 'askForRounds', { body: { count: 4 } })
  const round = await ended(mesh, after)
  assert.deepEqual([round.state, round.candidate], ['failed', undefined])
  assert.match(round.why, /2 of 5 hosts have enough to learn from; 3 are needed/)
  await mesh.world.runFor(5_000)
  // The others would have failed, too.
  assert.equal(roundOf(mesh, after + 2), undefined)
  for (const member of mesh.members) remember(member, 60)
  await mesh.world.runFor(2_000)
  assert.equal((await oneRound(mesh)).state, 'kept')
})

test('where the leader’s disk is full nothing is begun, or kept, and it says so', async () => {
  const mesh = await learners('full')
  const { models } = mesh.leader!.agent.learning
  const put = models.put.bind(models)
  models.put = () => Promise.reject(new DiskError('full', 'write: there is no room'))
  const unbegun = await oneRound(mesh)
  assert.deepEqual([unbegun.state, unbegun.hosts.length], ['failed', 0])
  assert.match(unbegun.why, /cannot keep a version: .*no room/)
  models.put = put
  const good = await oneRound(mesh)
  assert.equal(good.state, 'kept', good.why)
  models.put = () => Promise.reject(new DiskError('full', 'write: there is no room'))
  const lost = await oneRound(mesh)
  assert.equal(lost.state, 'failed')
  assert.match(lost.why, /no room/)
  models.put = put
  assert.equal((await oneRound(mesh)).base, good.candidate)
})

test('a host whose disk is full trains and votes all the same, and keeps what it had', async () => {
  const mesh = await learners('full host')
  const first = await oneRound(mesh)
  const { follower } = mesh
  const { disk } = follower.agent.ports
  const write = disk.write.bind(disk)
  let refused = 0
  disk.write = (ops, options) => {
    const isModel = ops.some((op) => 'put' in op && op.put.startsWith('learning/model/'))
    if (!isModel) return write(ops, options)
    refused++
    return Promise.reject(new DiskError('full', 'write: there is no room'))
  }
  const second = await oneRound(mesh)
  assert.equal(second.state, 'kept', second.why)
  const told = hostOf(second, follower)
  assert.deepEqual([told?.counted, told?.out], [true, undefined])
  assert.ok(told?.after !== undefined && refused > 0)
  const { models } = follower.agent.learning
  assert.deepEqual(
    [models.has(first.candidate as string), models.has(second.candidate as string)],
    [true, false],
  )
  assert.ok(await mesh.answer(models.learned(first.candidate as string)))
  disk.write = write
  const third = await oneRound(mesh)
  assert.equal(hostOf(third, follower)?.counted, true)
  assert.ok(models.has(third.candidate as string))
})

test('a round that breaks off says of what, however long that is, and is not taken for one whose leader died', async () => {
  const mesh = await learners('broken')
  const good = await oneRound(mesh)
  const { models } = mesh.leader!.agent.learning
  const put = models.put.bind(models)
  models.put = () => Promise.reject(new TypeError(`no such é${'é'.repeat(1_000)}`))
  const broken = await oneRound(mesh)
  assert.match(`${broken.state}: ${broken.why}`, /^failed: it broke off: no such éé/)
  assert.equal(Buffer.byteLength(broken.why) <= roundsLimits.whyBytesMax, true)
  models.put = put
  assert.equal((await oneRound(mesh)).base, good.candidate)
})

test('what cannot be begun with says why, however long that is', async () => {
  const mesh = await learners('long why')
  await oneRound(mesh)
  const { models } = mesh.leader!.agent.learning
  models.search = async () => ({ ok: false, why: 'é'.repeat(1_000) })
  const failed = await oneRound(mesh)
  assert.match(`${failed.state}: ${failed.why}`, /^failed: .* is not to be had: éé/)
})

async function stopMesh(mesh: Mesh): Promise<void> {
  const atMs = mesh.leader!.agent.ports.clock.wall()
  const signer = keyNumber(41)
  const { seed, certificate } = simulatedIssuer()
  const issuer = { signer: signerFromSeed(seed), certificate }
  const holder = { subject: signer.id, name: 'olga', roles: ['operator' as const], labels: {} }
  const credential = issuePerson(issuer, holder, 'ab'.repeat(16), atMs)
  const word = signed(raiseOf({ issuedMs: atMs }), { signer, credential })
  const body = { word: Buffer.from(encode(StopWord, word)).toString('base64url') }
  await mesh.call(mesh.leader!, 'sayStop', { body })
}

test('a stop of the mesh ends the round that is under way: nothing comes of it', async () => {
  const mesh = await learners('stopped within')
  const number = (await ask(mesh)) + 1
  await inPhase(mesh, number, 'training')
  await stopMesh(mesh)
  const round = await ended(mesh, number - 1)
  assert.equal(round.state, 'failed')
  assert.match(round.why, /the mesh was stopped/)
  await mesh.world.runFor(10_000)
  assert.equal(roundOf(mesh, number + 1), undefined)
  const { state } = mesh.leader!.agent.ledger
  assert.deepEqual(registryIn(state).versions, [])
  // Whoever releases it starts nothing by that.
  assert.equal(roundsIn(state).tally.left, 0)
})

test('what settings ask for beyond what there may be is not done, whoever has put it there', async () => {
  const mesh = await learners('beyond')
  await choose(mesh, {
    everyMs: 1,
    steps: 1e9,
    noise: 1e9,
    liars: 1_000,
    participantsMin: 0,
  })
  const { settings } = roundsIn(mesh.leader!.agent.ledger.state)
  assert.deepEqual(settings, {
    ...settings,
    everyMs: roundsLimits.everyMsMin,
    steps: roundLimits.stepsMax,
    noise: roundLimits.noiseMax,
    liars: roundsLimits.participantsMax,
    participantsMin: federationLimits.clientsMin,
  })
})

test('while the mesh is stopped no round is begun, whoever has asked for it', async () => {
  const mesh = await learners('stopped')
  await stopMesh(mesh)
  const asked = mesh.call(mesh.follower, 'askForRounds', { body: { count: 1 } })
  await assert.rejects(asked, /nothing is begun/)
  const number = await ask(mesh)
  await mesh.world.runFor(10_000)
  assert.equal(roundOf(mesh, number + 1), undefined)
})

test('hosts that may not lead take part, and so do more than are needed', async () => {
  const mesh = await learners('seven', 7)
  const member = mesh.follower
  const { host } = member
  member.kept = simulatedCredential(keyBehind(host.id), host.name, { roles: ['agent'] })
  await mesh.again(member)
  await mesh.world.runFor(10_000)
  assert.equal(mesh.leader!.agent.peers.isCoordinator(host.id), false)
  const round = await oneRound(mesh)
  assert.equal(round.state, 'kept', round.why)
  assert.equal(round.hosts.filter(({ counted }) => counted).length, 7)
})

test('what was learned is not thrown away for a host that is slow to send it', async () => {
  const mesh = await learners('slow')
  const good = await oneRound(mesh)
  const { models } = mesh.leader!.agent.learning
  const { search } = models
  models.search = async () => ({ ok: false, why: 'no answer within 1500 ms' })
  const failed = await oneRound(mesh)
  assert.match(`${failed.state}: ${failed.why}`, /^failed: .* is not to be had: no answer/)
  models.search = search.bind(models)
  assert.equal((await oneRound(mesh)).base, good.candidate)
  // When all who are asked say that they have it not, there is nothing to wait for.
  models.search = async () => ({ ok: false, why: notThere })
  const anew = await oneRound(mesh)
  assert.notEqual(anew.state, 'failed', anew.why)
  assert.notEqual(anew.base, good.candidate)
})

test('learning that begins anew begins with the first rate and the usual clip', async () => {
  const mesh = await learners('anew')
  await oneRound(mesh)
  const second = await oneRound(mesh)
  assert.equal(second.state, 'kept', second.why)
  assert.notEqual(second.clip, usualCourse.clip)
  mesh.leader!.agent.learning.models.search = async () => ({ ok: false, why: notThere })
  const anew = await oneRound(mesh)
  assert.equal(anew.clip, usualCourse.clip)
  const { tally } = roundsIn(mesh.leader!.agent.ledger.state)
  assert.equal(tally.kept, Number(anew.state === 'kept'))
})

test('whoever voted in the round that a version comes from is asked for it first', async () => {
  const mesh = await learners('holders', 7, (index) => (index % 2 === 0 ? 120 : 3))
  const good = await oneRound(mesh)
  assert.equal(good.state, 'kept', good.why)
  const { id, learning } = mesh.leader!.agent
  const { models } = learning
  const asked: string[][] = []
  models.search = async (_, from) => {
    asked.push([...from])
    return { ok: false, why: 'no answer within 1500 ms' }
  }
  await oneRound(mesh)
  const voted = good.hosts.filter((host) => host.after !== undefined && host.id !== id)
  assert.ok(voted.length >= 3)
  const [first = []] = asked
  assert.equal(first.length, 6)
  assert.deepEqual(first.slice(0, voted.length).sort(), voted.map((host) => host.id).sort())
})

test('while a sum is opened whatever else a leader has to do has its turn', async () => {
  const mesh = await learners('turns')
  const { clock } = mesh.leader!.agent.ports
  const { opening } = MaskingServer.prototype
  const turns: boolean[] = []
  MaskingServer.prototype.opening = function* () {
    const steps = opening.call(this)
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      const at = turns.push(false) - 1
      clock.after(0, () => {
        turns[at] = true
      })
      yield
      assert.ok(turns[at], `step ${at} follows at once`)
    }
  }
  try {
    const round = await oneRound(mesh)
    assert.equal(round.state, 'kept', round.why)
  } finally {
    MaskingServer.prototype.opening = opening
  }
  assert.equal(turns.length, 5)
})

test('with noise it says the epsilon that it buys, and of how many rounds there is none', async () => {
  const mesh = await learners('noise')
  await oneRound(mesh)
  assert.equal((await mesh.call(mesh.follower, 'federation')).privacy, undefined)
  await choose(mesh, { noise: 2 })
  const round = await oneRound(mesh)
  assert.notEqual(round.state, 'failed', round.why)
  const { privacy } = await mesh.call(mesh.follower, 'federation')
  assert.deepEqual([privacy?.rounds, privacy?.without, privacy?.noise], [1, 1, 2])
  assert.ok(privacy && privacy.epsilonOthers > 0 && privacy.epsilonOthers < 10)
  assert.ok(privacy.epsilonLeader > privacy.epsilonOthers)
  await choose(mesh, { noise: 1 })
  await oneRound(mesh)
  const later = (await mesh.call(mesh.follower, 'federation')).privacy
  assert.ok(later && later.epsilonOthers > privacy.epsilonOthers)
})
