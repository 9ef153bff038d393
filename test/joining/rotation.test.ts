/** The issuing key is replaced while the mesh works: nobody is disconnected, and the one before ends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApiRefusal } from '../../coordinator/api/refusal.ts'
import { currentIssuer } from '../../coordinator/joining/issuers.ts'
import { letInLimits } from '../../coordinator/joining/limits.ts'
import type { IssuingSeed } from '../../coordinator/joining/wire.ts'
import { recordPerson } from '../../coordinator/people/register.ts'
import { StopWord } from '../../protocol/estop/word.ts'
import { grantIn } from '../../protocol/identity/certificate.ts'
import { believe, Credential } from '../../protocol/identity/credential.ts'
import { type Issuer, issuePeer, issuePerson } from '../../protocol/identity/issuing.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { simulatedCredential, simulatedIssuer } from '../../simulations/world/credentials.ts'
import { raiseOf, signed } from '../estop/words.ts'
import type { Member } from '../history/stage.ts'
import { ada, keyNumber } from '../identity/parties.ts'
import { eventsOf, Rotation, serialOf } from './issuer-stage.ts'

const before = serialOf(simulatedIssuer())
const serial = ({ agent }: Member) => grantIn(agent.peers.credential.leaf)?.serial
const issuerOf = ({ seed, certificate }: IssuingSeed): Issuer => ({
  signer: signerFromSeed(seed),
  certificate,
})
const isRefused = (why: RegExp) => (error: ApiRefusal) => {
  assert.match(error.why, why)
  return true
}

test('all hosts get certificates by the new key, and no connection and no stage is lost for it', async () => {
  const it = await Rotation.of('rotated', 5, {
    schedules: true,
    programs: { prog: (self) => self.after(60_000, () => self.exit(0)) },
  })
  const { mesh } = it
  const workflow =
    'apiVersion: skein/v1\nkind: Workflow\nname: w\nstages:\n  a: { run: [prog], retry: { attempts: 1 } }\n'
  const { run } = await mesh.call(mesh.follower, 'startRun', { body: { workflow } })
  const unit = () => mesh.hot(run.id)?.units.find(({ stage }) => stage === 'a')
  await mesh.until(() => unit()?.state === 'assigned', 'it runs')
  const serials = mesh.members.map(serial)
  const lost: string[] = []
  for (const { agent } of mesh.members) {
    agent.journal.follow(({ kind, text }) => {
      if (/^(peer|node)\./.test(kind)) lost.push(text)
    })
  }
  const given = it.newIssuer(21)
  const { issuers } = await it.rotate(given)
  assert.deepEqual(
    issuers.map(({ retiring }) => retiring),
    [true, false],
  )
  await it.hangOn(serialOf(given))
  assert.deepEqual(mesh.members.map(serial), serials, 'what takes one back takes back all')
  assert.ok(
    mesh.members.every(({ kept }) => kept !== undefined),
    'they are on disk',
  )
  const after = await it.retire(before)
  assert.deepEqual(
    after.issuers.map(({ hosts }) => hosts.length),
    [5],
  )
  const known = () => mesh.members.every(({ agent }) => agent.trust.isRevoked(before))
  await mesh.until(known, 'all know')
  await mesh.until(() => mesh.hot(run.id)?.head.state === 'succeeded', 'it ends', 120_000)
  assert.equal(unit()?.attempts?.length, 1, 'it was tried once')
  assert.deepEqual(lost, [])
})

test('what the key before signs is believed by nobody once it is taken back, and not before', async () => {
  const it = await Rotation.of('stolen', 3)
  const { mesh } = it
  const given = it.newIssuer(22)
  await it.rotate(given)
  await it.hangOn(serialOf(given))
  const thief = signerFromSeed(new Uint8Array(32).fill(77))
  const forged = simulatedCredential(thief.id, 'thief', { serial: 'f'.repeat(32) })
  const judged = () => mesh.members.map(({ agent }) => believe(forged, agent.trust, it.nowMs).ok)
  assert.deepEqual(judged(), [true, true, true], 'both are believed until the end')
  await it.retire(before)
  await mesh.until(() => judged().every((ok) => !ok), 'nobody believes it')
  await assert.rejects(it.rotate({ ...simulatedIssuer() }), isRefused(/was one before/))
})

test('the key before is not taken back while hosts or people hang on it, and they are named', async () => {
  const it = await Rotation.of('hanging', 3)
  const { mesh } = it
  const holder = { subject: ada.id, name: 'olga', roles: ['operator' as const], labels: {} }
  const olga = issuePerson(issuerOf(simulatedIssuer()), holder, 'ab'.repeat(16), it.nowMs)
  await mesh.do(recordPerson(olga, 0))
  const away = mesh.follower
  away.host.crash('kill')
  const given = it.newIssuer(23)
  await it.rotate(given)
  const here = mesh.members.filter((member) => member !== away)
  await it.hangOn(serialOf(given), here)
  await assert.rejects(it.retire(before), isRefused(new RegExp(`${away.host.name}.*user olga`)))
  const text = (credential: Credential) =>
    Buffer.from(encode(Credential, credential)).toString('base64url')
  const asked = { parameters: { node: it.leader.agent.id }, body: { credential: text(olga) } }
  const answer = await mesh.call(it.leader, 'renewUser', asked)
  const again = await mesh.call(it.leader, 'renewUser', asked)
  // As a thief of the key before would make them: of nobody, and of somebody with other rights.
  for (const [name, roles, serial] of [
    ['mallory', ['operator'], 'cd'.repeat(16)],
    ['olga', ['operator'], 'cd'.repeat(16)],
  ] as const) {
    const made = { ...holder, name, roles: [...roles] }
    const forged = issuePerson(issuerOf(simulatedIssuer()), made, serial, it.nowMs)
    const body = { credential: text(forged) }
    await assert.rejects(
      mesh.call(it.leader, 'renewUser', { ...asked, body }),
      isRefused(/is not the certificate of .*, as the ledger has it/),
    )
  }
  const posing = issuePerson(
    issuerOf(simulatedIssuer()),
    { ...holder, roles: ['viewer'] },
    'ab'.repeat(16),
    it.nowMs,
  )
  const same = await mesh.call(it.leader, 'renewUser', {
    ...asked,
    body: { credential: text(posing) },
  })
  assert.equal(same.credential, answer.credential, 'it is what the ledger has, whatever is shown')
  assert.equal(again.credential, answer.credential, 'who has lost the answer gets the same')
  const read = decode(Credential, new Uint8Array(Buffer.from(answer.credential, 'base64url')))
  assert.ok(read.ok)
  const judged = believe(read.value, it.leader.agent.trust, it.nowMs)
  assert.ok(judged.ok)
  const old = grantIn(olga.leaf)!
  const { subject, roles, notAfterMs, serial: kept } = judged.holder
  assert.deepEqual(
    [subject, roles, notAfterMs, kept],
    [old.subject, old.roles, old.notAfterMs, old.serial],
  )
  assert.equal(judged.issuer?.serial, serialOf(given))
  const { issuers } = await it.keys()
  assert.deepEqual(issuers.find((key) => key.serial === before)?.people, [])
  await assert.rejects(
    it.retire(before),
    isRefused(new RegExp(`^it would turn away host ${away.host.name}[^,]*$`)),
  )
})

test('what a thief makes with the key before is not certified by the one of now', async () => {
  const it = await Rotation.of('laundering', 3)
  const { mesh } = it
  const given = it.newIssuer(34)
  // Shown before, it was seen; what is shown after, under the same key, was not.
  const victim = mesh.follower
  await it.rotate(given)
  const { subject, name } = grantIn(victim.agent.peers.credential.leaf)!
  const holder = { subject, name, roles: ['coordinator' as const], labels: {} }
  const forged = issuePeer(issuerOf(simulatedIssuer()), holder, 'ef'.repeat(16), it.nowMs)
  victim.kept = forged
  await mesh.again(victim)
  const isTold = () =>
    mesh.members.some((member) =>
      eventsOf(member, 'host.notRenewed').some((text) => text.includes(victim.host.name)),
    )
  await mesh.until(isTold, 'it is told of', 60_000)
  await mesh.world.runFor(20_000)
  assert.equal(victim.kept, forged)
  await assert.rejects(it.retire(before), isRefused(new RegExp(`host ${victim.host.name}`)))
})

test('a stop in force is not left without whoever has signed it', async () => {
  const it = await Rotation.of('stopped', 3)
  const signer = keyNumber(41)
  const holder = { subject: signer.id, name: 'olga', roles: ['operator' as const], labels: {} }
  const credential = issuePerson(issuerOf(simulatedIssuer()), holder, 'ab'.repeat(16), it.nowMs)
  const scope = { kind: 'label' as const, key: 'zone', value: 'a' }
  const word = signed(raiseOf({ scope, issuedMs: it.nowMs }), { signer, credential })
  const body = { word: Buffer.from(encode(StopWord, word)).toString('base64url') }
  await it.mesh.call(it.leader, 'sayStop', { body })
  const given = it.newIssuer(33)
  await it.rotate(given)
  await it.hangOn(serialOf(given))
  await assert.rejects(it.retire(before), isRefused(/olga, whose emergency stop .* is in force/))
})

test('a host that was away until the end is turned away, told why, and comes back by a token', async () => {
  const it = await Rotation.of('away', 3)
  const { mesh } = it
  const away = mesh.follower
  away.host.crash('kill')
  const given = it.newIssuer(24)
  await it.rotate(given)
  const here = mesh.members.filter((member) => member !== away)
  await it.hangOn(serialOf(given), here)
  await it.retire(before, { force: true })
  await mesh.again(away)
  await mesh.until(() => eventsOf(away, 'self.issuerRevoked').length > 0, 'it is told', 120_000)
  assert.match(eventsOf(away, 'self.issuerRevoked')[0] ?? '', /skein agent join with a new token/)
  assert.equal(away.agent.peers.connected().length, 0)
  const { checks } = await mesh.call(away, 'health')
  assert.match(
    checks.find(({ check }) => check === 'this host')?.cause ?? '',
    /the issuing key behind its certificate was revoked by ada: rotated/,
  )
  // As `agent join` leaves it behind.
  const { subject, name } = grantIn(away.agent.peers.credential.leaf)!
  const holder = { subject, name, roles: ['coordinator' as const], labels: {} }
  away.kept = issuePeer(issuerOf(given), holder, 'cd'.repeat(16), it.nowMs)
  await mesh.again(away)
  const isBack = () => away.agent.peers.connected().length === 2
  await mesh.until(isBack, 'it is met again by those who knew it', 120_000)
})

test('whoever leads may be lost in the middle, and the next one makes certificates by the new key', async () => {
  const it = await Rotation.of('leader lost', 5)
  const { mesh } = it
  const given = it.newIssuer(25)
  await it.rotate(given)
  const lost = it.leader
  lost.host.crash('kill')
  await mesh.until(() => mesh.leader !== undefined && mesh.leader !== lost, 'another leads')
  const here = mesh.members.filter((member) => member !== lost)
  await it.hangOn(serialOf(given), here)
  await mesh.again(lost)
  await it.hangOn(serialOf(given))
  await it.retire(before)
  await mesh.world.runFor(5_000)
  assert.ok(mesh.members.every(({ agent }) => agent.peers.connected().length === 4))
})

test('the same key is taken once, another follows it, and one of another root is refused', async () => {
  const it = await Rotation.of('twice', 3)
  const [first, second] = [it.newIssuer(26), it.newIssuer(27)]
  await it.rotate(first)
  await it.rotate(first)
  await it.rotate(second)
  const { state } = it.leader.agent.ledger
  assert.equal(currentIssuer(state)?.serial, serialOf(second))
  await assert.rejects(it.rotate(first), isRefused(/was one before/))
  const strange = { ...it.newIssuer(28), certificate: first.certificate }
  await assert.rejects(it.rotate(strange), isRefused(/no issuing key of this mesh/))
  const follower = it.mesh.follower
  await assert.rejects(it.rotate(second, follower), isRefused(/does not lead/))
  await it.hangOn(serialOf(second))
  for (const each of [before, serialOf(first)]) await it.retire(each)
  await assert.rejects(it.retire(serialOf(second)), isRefused(/no issuing key .* is being retired/))
  const { issuers } = await it.keys()
  assert.deepEqual(
    issuers.map((key) => key.serial),
    [serialOf(second)],
  )
})

test('the key that lies with the first host goes when it is taken back, and lets nobody in before', async () => {
  const it = await Rotation.of('founder', 3)
  const { mesh } = it
  const [founder] = mesh.members
  assert.ok(founder)
  const given = it.newIssuer(29)
  await it.rotate(given)
  await it.hangOn(serialOf(given))
  assert.equal(founder.hasIssuer, true)
  await it.retire(before)
  // Killed before it has seen to it, it finds there what is taken back already.
  founder.host.crash('kill')
  await mesh.again(founder)
  assert.equal(founder.hasIssuer, true)
  await mesh.until(() => founder.hasIssuer === false, 'it is gone', 4 * letInLimits.lookMs)
})

test('that the issuing key ends soon is told in good time, with what mends it', async () => {
  const it = await Rotation.of('ending', 3)
  const { issuerWarnMs, issuerFailedMs } = letInLimits
  const dayMs = 86_400_000
  const states: unknown[] = []
  for (const [seed, lastsMs] of [
    [30, issuerWarnMs + dayMs],
    [31, issuerWarnMs - dayMs],
    [32, issuerFailedMs - dayMs],
  ] as const) {
    await it.rotate(it.newIssuer(seed, lastsMs))
    const { checks } = await it.mesh.call(it.leader, 'health')
    const check = checks.find((each) => each.check === 'issuing key')
    states.push(check?.state)
    if (check?.state === 'ok') continue
    assert.match(
      check?.cause ?? '',
      /it ends in \d+d, and the certificates of all hosts end with it/,
    )
    assert.match(check?.remedy ?? '', /skein keys rotate issuing/)
  }
  assert.deepEqual(states, ['ok', 'degraded', 'failed'])
  const isTold = () => eventsOf(it.leader, 'issuer.ending').length > 0
  await it.mesh.until(isTold, 'it is told in events', 2 * letInLimits.forgetMs)
  assert.match(
    eventsOf(it.leader, 'issuer.ending')[0] ?? '',
    /ends in 29d.*skein keys rotate issuing/,
  )
})
