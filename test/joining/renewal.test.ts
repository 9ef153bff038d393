/** Certificates that end: made new in time, shown to all, and told of where nobody can. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { letInLimits } from '../../coordinator/joining/limits.ts'
import { endOf } from '../../coordinator/joining/renewal.ts'
import { Question, SERVICE } from '../../coordinator/joining/wire.ts'
import { recordRevocation } from '../../coordinator/people/register.ts'
import { grantIn } from '../../protocol/identity/certificate.ts'
import { lifetimes } from '../../protocol/identity/limits.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { type Member, Mesh } from '../history/stage.ts'

const hour = 3_600_000

const kinds = ({ agent }: Member) => agent.journal.past(0, 1_000).map(({ kind }) => kind)
const leftMs = ({ agent }: Member) => endOf(agent.peers.credential) - agent.ports.clock.wall()
const serial = ({ agent }: Member) => grantIn(agent.peers.credential.leaf)?.serial

async function certificateOf(mesh: Mesh, member: Member) {
  const { checks } = await mesh.call(member, 'health')
  return checks.find(({ check }) => check === 'certificate')
}

test('certificates are renewed before they end, and no connection is lost for it', async () => {
  const mesh = await Mesh.of('renewed', 3, { letsIn: true, certificateMs: hour / 2 })
  const before = mesh.members.map(serial)
  const lifeMs = lifetimes.peerMs - hour
  await mesh.until(() => mesh.members.every((each) => leftMs(each) > lifeMs), 'renewed', hour)
  assert.deepEqual(mesh.members.map(serial), before, 'what takes one back takes back all')
  // The old ones end: nobody is shown the door, doubted or met anew.
  const lost: string[] = []
  for (const { agent } of mesh.members) {
    agent.journal.follow(({ kind, text }) => {
      if (/^(peer|node)\./.test(kind)) lost.push(text)
    })
  }
  const reached = mesh.members.map(({ agent }) => agent.peers.connected().length)
  await mesh.world.runFor(hour)
  assert.deepEqual(lost, [])
  assert.deepEqual(
    mesh.members.map(({ agent }) => agent.peers.connected().length),
    reached,
  )
  for (const member of mesh.members) {
    assert.ok(kinds(member).includes('certificate.renewed'))
    assert.equal((await certificateOf(mesh, member))?.state, 'ok')
    assert.ok(member.kept, 'it is on its disk')
  }
  // Also who has forgotten everything in between is known by what it kept.
  const again = mesh.follower
  await mesh.again(again)
  await mesh.until(() => again.agent.peers.connected().length === 2, 'it is met again')
})

test('a host that was taken back is given no other certificate', async () => {
  const mesh = await Mesh.of('taken back', 3, { letsIn: true, certificateMs: hour / 2 })
  const victim = mesh.follower
  const taken = serial(victim)
  assert.ok(taken)
  await mesh.do(recordRevocation(taken, 'stolen'))
  const others = mesh.members.filter((member) => member !== victim)
  const lifeMs = lifetimes.peerMs - hour
  await mesh.until(() => others.every((each) => leftMs(each) > lifeMs), 'the others are', hour)
  await mesh.world.runFor(2 * letInLimits.renewLookMs)
  assert.ok(leftMs(victim) < hour / 2)
  assert.equal(victim.kept, undefined)
})

test('nobody is given a new certificate while the one of now is good for long', async () => {
  const mesh = await Mesh.of('early', 3, { letsIn: true })
  const { leader, follower } = mesh
  assert.ok(leader)
  const body = encode(Question, { question: { kind: 'renew', value: {} } })
  const asked = await mesh.answer(follower.agent.calls.ask(leader.agent.id, SERVICE, body, 3_000))
  assert.ok(asked.ok)
  assert.match(Buffer.from(asked.body).toString(), /refused/)
})

test('an agent whose certificate ends and cannot be renewed says so, in events and in health', async () => {
  const mesh = await Mesh.of('ending', 1, { letsIn: true, issues: false, certificateMs: hour / 2 })
  const [member] = mesh.members
  assert.ok(member)
  await mesh.until(() => kinds(member).includes('certificate.ending'), 'it is told of', hour)
  const check = await certificateOf(mesh, member)
  assert.equal(check?.state, 'failed')
  assert.match(check?.cause ?? '', /it ends in \d+m, and nobody has renewed it/)
  const { checks } = await mesh.call(member, 'health')
  const letting = checks.find(({ check }) => check === 'letting in')
  assert.match(letting?.cause ?? '', /no voter has the issuing key/)
  const { certificate } = await mesh.call(member, 'node', { parameters: { node: 'self' } })
  assert.equal(certificate?.serial, serial(member))
})
