/** Who is in the ledger, who is not let in, and who is turned away again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRevokedIn, people, personNamed } from '../../coordinator/people/register.ts'
import { issueCertificate } from '../../protocol/identity/certificate.ts'
import { Credential } from '../../protocol/identity/credential.ts'
import type { Signer } from '../../protocol/identity/peer-id.ts'
import type { PersonRole } from '../../protocol/identity/roles.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { Mesh } from '../history/stage.ts'
import { grantOf, issuer, keyNumber, root } from '../identity/parties.ts'

const always = { notBeforeMs: 0, notAfterMs: 9e12 }

function credentialOf(name: string, subject: Signer, roles: PersonRole[]): Credential {
  const granting = grantOf(issuer, {
    ...always,
    kind: 'issuer',
    name: 'issuer',
    roles: ['admin', 'approver'],
  })
  const leaf = issueCertificate(grantOf(subject, { ...always, name, roles }), issuer)
  return { leaf, issuer: issueCertificate(granting, root) }
}

const text = (credential: Credential) =>
  Buffer.from(encode(Credential, credential)).toString('base64url')

const added = (mesh: Mesh, credential: Credential, replaces = false) =>
  mesh.call(mesh.follower, 'addUser', { body: { credential: text(credential), replaces } })

test('whom an issuing key has certified is recorded, and every agent knows', async () => {
  const mesh = await Mesh.of('people', 3)
  const { users } = await added(mesh, credentialOf('grace', keyNumber(5), ['approver']))
  assert.deepEqual(
    users.map(({ name, roles, id, revoked }) => ({ name, roles, id, revoked })),
    [{ name: 'grace', roles: ['approver'], id: keyNumber(5).id, revoked: false }],
  )
  await mesh.world.runFor(5_000)
  for (const { agent } of mesh.members) {
    assert.equal(personNamed(agent.ledger.state, 'grace')?.holder.subject, keyNumber(5).id)
  }
})

test('who is not certified by this mesh is not recorded', async () => {
  const mesh = await Mesh.of('strangers', 3)
  const stranger = keyNumber(9)
  const grant = grantOf(stranger, { ...always, roles: ['admin'] })
  const host = grantOf(stranger, { ...always, kind: 'peer', roles: ['coordinator'] })
  const forged = [
    { leaf: issueCertificate(grant, stranger) },
    { leaf: issueCertificate(host, root) },
    credentialOf('eve', stranger, ['master']),
  ]
  for (const credential of forged) {
    await assert.rejects(added(mesh, credential), { code: 'badRequest' })
  }
  await assert.rejects(
    mesh.call(mesh.follower, 'addUser', { body: { credential: 'nonsense', replaces: false } }),
    { code: 'badRequest' },
  )
  assert.deepEqual([...people(mesh.leader!.agent.ledger.state)], [])
})

test('a name is one person’s, and a key has one name', async () => {
  const mesh = await Mesh.of('names', 3)
  await added(mesh, credentialOf('grace', keyNumber(5), ['approver']))
  await assert.rejects(added(mesh, credentialOf('grace', keyNumber(6), ['admin'])), {
    code: 'conflict',
  })
  await assert.rejects(added(mesh, credentialOf('hedy', keyNumber(5), ['admin'])), {
    code: 'conflict',
  })
})

test('a key that is replaced or revoked is taken back on every agent', async () => {
  const mesh = await Mesh.of('taken-back', 3)
  const serialOf = () => personNamed(mesh.follower.agent.ledger.state, 'grace')?.holder.serial ?? ''
  await added(mesh, credentialOf('grace', keyNumber(5), ['approver']))
  const first = serialOf()
  await added(mesh, credentialOf('grace', keyNumber(6), ['approver']), true)
  const second = serialOf()
  await mesh.world.runFor(5_000)
  for (const { agent } of mesh.members) {
    assert.equal(isRevokedIn(agent.ledger.state, first), true)
    assert.equal(isRevokedIn(agent.ledger.state, second), false)
  }
  const parameters = { user: 'grace' }
  const { users } = await mesh.call(mesh.follower, 'revokeUser', { parameters, body: {} })
  assert.equal(users[0]?.revoked, true)
  assert.equal(isRevokedIn(mesh.follower.agent.ledger.state, second), true)
  await assert.rejects(mesh.call(mesh.follower, 'revokeUser', { parameters, body: {} }), {
    code: 'conflict',
  })
  await assert.rejects(
    mesh.call(mesh.follower, 'revokeUser', { parameters: { user: 'nobody' }, body: {} }),
    { code: 'notFound' },
  )
  await added(mesh, credentialOf('grace', keyNumber(7), ['approver']))
})

test('who was never recorded goes by the serial of the certificate', async () => {
  const mesh = await Mesh.of('by-serial', 3)
  const serial = 'ab'.repeat(16)
  await mesh.call(mesh.follower, 'revokeUser', { parameters: { user: serial }, body: {} })
  assert.equal(isRevokedIn(mesh.follower.agent.ledger.state, serial), true)
})
