/**
 * Every purpose of streams, every kind of frame on it, every service and every topic, against those
 * who may not: real agents in the simulated world, and an intruder who keeps to nothing. What has no
 * row fails.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sentSchema } from '../../agent/links/envelope.ts'
import { CallFrame } from '../../agent/requests/calls.ts'
import { trustLimits } from '../../agent/trust/limits.ts'
import {
  introductionPurpose,
  joinPurpose,
  purposeRules,
  topicRules,
} from '../../agent/trust/purposes.ts'
import { refusalsOf } from '../../coordinator/api/queries.ts'
import { estopTopic } from '../../protocol/estop/limits.ts'
import { EstopFrame } from '../../protocol/estop/messages.ts'
import { StopWord } from '../../protocol/estop/word.ts'
import { type Grant, issueCertificate } from '../../protocol/identity/certificate.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { JoinFrame } from '../../protocol/joining/messages.ts'
import type { Purpose } from '../../protocol/ports/network.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { bob, operator, raiseOf, releaseOf, signed } from '../estop/words.ts'
import { Mesh } from '../history/stage.ts'
import { grantOf, issuer, issuerCertificate, keyNumber } from '../identity/parties.ts'
import { purposeRows } from './frames.ts'
import { hello, Intruder, standingOf } from './intruders.ts'

const purposes = Object.keys(purposeRows) as Purpose[]

/** What they show, and under which reason they are counted. */
const outsiders: Readonly<Record<string, { shows: Partial<Grant> | undefined; counted: string }>> =
  {
    unauthenticated: { shows: undefined, counted: 'trustNoCredential' },
    expired: { shows: { notAfterMs: 1 }, counted: 'trustExpired' },
    notyet: { shows: { notBeforeMs: 8e12 }, counted: 'trustNotYetValid' },
    foreign: { shows: { mesh: meshIdOf(keyNumber(9).id) }, counted: 'trustForeignMesh' },
    thief: { shows: { subject: keyNumber(9).id }, counted: 'trustNotItsOwn' },
    person: { shows: { kind: 'person', roles: ['operator'] }, counted: 'trustMissingRole' },
  }

/** A host that is not of the mesh yet is shown whom it has asked to be let in, and no more. */
function mayHear(purpose: Purpose, kind: string): string[] {
  return purpose === joinPurpose && kind === 'knock' ? ['challenge'] : []
}

function kindOf(purpose: Purpose): (frame: Uint8Array) => string {
  return (frame) => {
    const read = purpose === joinPurpose ? decode(JoinFrame, frame) : undefined
    return read?.ok ? read.value.kind : 'something'
  }
}

/** By service: what garbage comes to, of which each counts one. */
const services = [
  'api',
  'joining',
  'learning/advice',
  'learning/model',
  'learning/ranges',
  'learning/round',
  'ledger/append',
  'revocations',
  'runs/history',
  'secrets',
  'swarm-key',
  'work/log-copies',
]

test('every purpose, and every kind that only coordinators say, stands in the matrix as in the rules', () => {
  assert.deepEqual([...purposes].sort(), Object.keys(purposeRules).sort())
  for (const purpose of purposes) {
    const said = purposeRows[purpose]?.said ?? []
    const reserved = said.filter(({ fromCoordinators }) => fromCoordinators)
    assert.deepEqual(
      reserved.map(({ kind }) => kind).sort(),
      [...(purposeRules[purpose]?.fromCoordinators ?? [])].sort(),
      purpose,
    )
  }
  assert.deepEqual(Object.keys(topicRules), [estopTopic])
})

test('agents serve what stands in the matrix, and nothing else', async () => {
  const mesh = await Mesh.of('served', 1, { schedules: true, letsIn: true })
  await mesh.until(
    () => mesh.members.every(({ agent }) => agent.calls.served().length > 3),
    'ready',
  )
  const [member] = mesh.members
  assert.deepEqual(member?.agent.calls.served().sort(), services)
})

for (const [name, { shows, counted }] of Object.entries(outsiders)) {
  test(`nothing on any stream is taken from, or told to, somebody who is ${name}`, async () => {
    const mesh = await Mesh.of(`outside ${name}`, 3, { letsIn: true })
    const before = standingOf(mesh)
    const { leader } = mesh
    assert.ok(leader)
    for (const [number, purpose] of purposes.entries()) {
      const intruder = new Intruder(mesh, `${name}${number}`, shows)
      const { greets, said } = purposeRows[purpose] ?? assert.fail(purpose)
      for (const one of said) {
        const visit = await intruder.says(leader, purpose, one, greets)
        const heard = visit.heard.map(kindOf(purpose))
        const may = mayHear(purpose, one.kind)
        // Whoever shows what is bad is shown the door, and may not even hear that.
        if (shows === undefined || may.length === 0) assert.deepEqual(heard, may, one.kind)
        else assert.ok(heard.every((each) => may.includes(each)))
      }
      await mesh.world.runFor(trustLimits.strangerMs + 1_000)
      assert.equal(leader.agent.peers.holderOf(intruder.id), undefined)
      assert.ok(!leader.agent.peers.connected().includes(intruder.id), purpose)
    }
    // Whoever has brought a stop that is not believed has gone before, and is counted for that.
    assert.ok((refusalsOf(leader.agent)[counted] ?? 0) >= purposes.length - 2, counted)
    assert.deepEqual(standingOf(mesh), before)
  })
}

test('of an agent that is no coordinator, what only coordinators say is refused, kind by kind', async () => {
  const mesh = await Mesh.of('weak', 3)
  const { leader, follower } = mesh
  assert.ok(leader)
  const before = standingOf(mesh)
  for (const victim of [leader, follower]) {
    const intruder = new Intruder(mesh, `weak-of-${victim.host.name}`, {})
    for (const purpose of purposes.filter((each) => purposeRows[each]?.greets)) {
      const { greets, said } = purposeRows[purpose] ?? assert.fail(purpose)
      for (const one of said) {
        const was = refusalsOf(victim.agent).trustMissingRole ?? 0
        const visit = await intruder.says(victim, purpose, one, greets)
        // It is greeted: so it is heard, and refused for what it says and for nothing else.
        assert.ok(visit.heard.length > 0, `${purpose} ${one.kind}`)
        const is = refusalsOf(victim.agent).trustMissingRole ?? 0
        assert.equal(is - was, one.fromCoordinators ? 1 : 0, `${purpose} ${one.kind}`)
      }
    }
  }
  await mesh.world.runFor(10_000)
  assert.deepEqual(standingOf(mesh), before)
})

test('a question that is asked twice is answered once, and one that makes no sense not at all', async () => {
  const mesh = await Mesh.of('again', 1, { schedules: true, letsIn: true })
  const [member] = mesh.members
  assert.ok(member)
  await mesh.until(() => member.agent.calls.served().length > 3, 'ready')
  const intruder = new Intruder(mesh, 'curious', {})
  const visit = await intruder.visit(member, '/skein/calls/1')
  visit.send(hello)
  for (const [number, service] of services.entries()) {
    const payload = { kind: 'call', value: { service, body: Uint8Array.of(0xff, 0xff) } } as const
    const question = encode(sentSchema(CallFrame), { requestId: 7_000 + number, payload })
    visit.send(question)
    visit.send(question)
    await mesh.world.runFor(500)
  }
  const counts = refusalsOf(member.agent)
  assert.equal(counts.replayedRequest, services.length)
  assert.equal(counts.badQuestion, services.length)
})

test('every topic is heard of members only, whoever passes it on', async () => {
  const mesh = await Mesh.of('topics', 3)
  const [member] = mesh.members
  assert.ok(member)
  for (const topic of Object.keys(topicRules)) {
    for (const [name, { shows }] of Object.entries(outsiders)) {
      const intruder = new Intruder(mesh, `topic-${name}`, shows)
      await intruder.visit(member, introductionPurpose)
      const was = refusalsOf(member.agent)
      intruder.network.publish(topic, encode(StopWord, signed(raiseOf(), operator)))
      await mesh.world.runFor(1_000)
      // Whoever was shown the door before it spoke was not even heard.
      const is = refusalsOf(member.agent)
      for (const why of ['unsigned', 'badSignature', 'foreignMesh', 'unknownIssuer']) {
        assert.equal(is[why], was[why], `${name}: what it says was judged`)
      }
      assert.ok(!member.agent.estop.isAnyInForce)
    }
    const agent = new Intruder(mesh, 'topic-agent', {})
    await agent.visit(member, introductionPurpose)
    await mesh.world.runFor(1_000)
    agent.network.publish(topic, encode(StopWord, signed(raiseOf(), operator)))
    await mesh.world.runFor(1_000)
    await mesh.until(() => member.agent.estop.isAnyInForce, 'a member is heard')
  }
})

test('a stop and a release that come again, late or out of order, change nothing', async () => {
  const mesh = await Mesh.of('again stop', 1)
  const [member] = mesh.members
  assert.ok(member)
  const { estop, ports } = member.agent
  const parrot = new Intruder(mesh, 'parrot', {})
  const visit = await parrot.visit(member, '/skein/estop/1')
  visit.send(hello)
  const says = async (word: StopWord) => {
    const payload: EstopFrame = { kind: 'words', value: { words: [word] } }
    visit.send(encode(sentSchema(EstopFrame), { payload }))
    await mesh.world.runFor(500)
    return estop.isAnyInForce
  }
  const always = { notBeforeMs: 0, notAfterMs: 9e12 }
  const grant = grantOf(bob, { name: 'bob', roles: ['admin'], ...always })
  const leaf = issueCertificate(grant, issuer)
  const admin = { signer: bob, credential: { leaf, issuer: issuerCertificate(always) } }
  const raises = [1, 3].map((epoch) => signed(raiseOf({ epoch }), operator)) as [StopWord, StopWord]
  assert.equal(await says(raises[0]), true)
  const next = estop.core.latch.nextRelease({ kind: 'mesh' })
  assert.ok(next)
  const release = signed(releaseOf({ ...next, issuedMs: ports.clock.wall() }), admin)
  assert.equal(await says(release), false)
  for (let i = 0; i < 3; i++) assert.equal(await says(raises[0]), false, 'an old stop')
  assert.equal(await says(raises[1]), true)
  for (let i = 0; i < 3; i++) assert.equal(await says(release), true, 'an old release')
  assert.equal(await says(raises[0]), true)
  // Both orders come to the same.
  const other = (await Mesh.of('again stop, reordered', 1)).members[0]?.agent.estop
  assert.ok(other)
  for (const word of [release, raises[1], raises[0]]) other.said(word)
  assert.equal(other.isAnyInForce, true)
  assert.deepEqual(
    other.core.latch.inForce().map(({ id }) => id),
    estop.core.latch.inForce().map(({ id }) => id),
  )
})
