/** Every verb of the allow-list: who may, who may not, and where it is asked for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { origins } from '../../coordinator/api/ledger-gate.ts'
import { routes } from '../../coordinator/api/routes.ts'
import { issueCertificate } from '../../protocol/identity/certificate.ts'
import { openEnvelope, sealEnvelope } from '../../protocol/identity/envelope.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { NonceWindow } from '../../protocol/identity/nonce-window.ts'
import { type PersonRole, peerRoles, personRoles } from '../../protocol/identity/roles.ts'
import { mayDo, type VerbName, verbs } from '../../protocol/identity/verbs.ts'
import {
  ada,
  commandOf,
  envelopeOf,
  grantOf,
  keyNumber,
  nowMs,
  root,
  trust,
} from '../identity/parties.ts'

/** By whom, besides masters. A verb without its row does not compile. */
const allowed: Readonly<Record<VerbName, readonly PersonRole[]>> = {
  'mesh.look': ['viewer', 'operator', 'approver', 'admin'],
  'work.look': ['viewer', 'operator', 'approver', 'admin'],
  'audit.look': ['admin'],
  'run.start': ['operator', 'admin'],
  'run.cancel': ['operator', 'admin'],
  'run.kill': ['operator', 'admin'],
  'run.retry': ['operator', 'admin'],
  'run.resume': ['operator', 'admin'],
  'run.vote': ['approver'],
  'signal.send': ['operator', 'admin'],
  'workflow.publish': ['operator', 'admin'],
  'node.label': ['admin'],
  'node.drain': ['operator', 'admin'],
  'node.vote': ['admin'],
  'node.leave': ['admin'],
  'token.create': ['admin'],
  'token.coordinator': [],
  'token.revoke': ['admin'],
  'user.add': ['admin'],
  'user.revoke': ['admin'],
  'user.renew': ['viewer', 'operator', 'approver', 'admin'],
  'certificate.revoke': ['admin'],
  'issuer.rotate': [],
  'issuer.retire': [],
  'swarm.rotate': ['admin'],
  'secret.set': ['admin'],
  'secret.remove': ['admin'],
  'secret.rotate': ['admin'],
  'history.purge': ['admin'],
  'federate.round': ['operator', 'admin'],
  'federate.stop': ['operator', 'admin'],
  'federate.config': ['admin'],
  'config.set': ['admin'],
  'model.rollback': ['admin'],
  'module.start': ['admin'],
  'module.stop': ['admin'],
  'estop.raise': ['operator', 'admin'],
  'estop.release': ['admin'],
}

const names = Object.keys(allowed) as VerbName[]

test('every verb is for the roles that are written here, and no host has any', () => {
  assert.deepEqual([...names].sort(), Object.keys(verbs).sort())
  for (const verb of names) {
    for (const role of personRoles) {
      const may = role === 'master' || allowed[verb].includes(role)
      assert.equal(mayDo([role], verb), may, `${role} ${verb}`)
    }
    for (const role of peerRoles) assert.equal(mayDo([role], verb), false, `${role} ${verb}`)
  }
})

/** Signed by somebody whom the root itself has certified, as nobody else can a master. */
function byMaster(command: object, holder: object) {
  const grant = grantOf(ada, { roles: ['master'], ...holder })
  return sealEnvelope(commandOf(command), { leaf: issueCertificate(grant, root) }, ada)
}

test('every verb is refused to the weak, the foreign, the late and whoever asks twice', () => {
  for (const verb of names) {
    const [role = 'master'] = allowed[verb]
    const said = (command: object, holder: object) =>
      role === 'master' && !('kind' in holder)
        ? byMaster({ verb, ...command }, holder)
        : envelopeOf({ verb, ...command }, { roles: [role], ...holder })
    const why = (command: object, holder: object, atMs = nowMs) => {
      const opened = openEnvelope(said(command, holder), trust, atMs)
      return opened.ok ? 'done' : opened.why
    }
    const other = meshIdOf(keyNumber(9).id)
    // Parties' issuing key grants admins and approvers, and what those contain; the root masters.
    assert.ok(role === 'master' || mayDo(['admin', 'approver'], verb), verb)
    if (role === 'master')
      assert.equal(why({}, { kind: 'person', roles: ['master'] }), 'notGranted')
    assert.equal(why({}, {}), 'done', verb)
    assert.equal(why({ mesh: other }, {}), 'foreignMesh', verb)
    assert.equal(why({}, { mesh: other }), 'foreignMesh', verb)
    assert.equal(why({}, {}, nowMs + 60_000), 'expired', verb)
    assert.equal(why({}, { kind: 'peer', roles: ['agent'] }), 'notAllowed', verb)
    for (const weak of personRoles.filter((each) => each !== 'master' && !mayDo([each], verb))) {
      const weaker = { kind: 'person', roles: [weak] }
      assert.equal(why({}, weaker), 'notAllowed', `${weak} ${verb}`)
    }
    const opened = openEnvelope(said({}, {}), trust, nowMs)
    assert.ok(opened.ok)
    const window = new NonceWindow(4)
    const admitted = () => window.admit(opened.by.subject, opened.command, nowMs)
    assert.deepEqual([admitted(), admitted()], ['fresh', 'replayed'], verb)
  }
})

test('what changes something over a route changes it by a verb that acts', () => {
  for (const [name, { method, verb }] of Object.entries(routes)) {
    // A plan only looks, at a workflow that is too long for a query.
    if (method !== 'GET' && name !== 'plan') assert.equal(verbs[verb].acts, true, name)
    if (method === 'GET') assert.equal(verbs[verb].acts, false, name)
  }
})

test('every verb by which the ledger is changed acts', () => {
  for (const [kind, origin] of Object.entries(origins)) {
    if (!Array.isArray(origin)) continue
    for (const verb of origin as VerbName[]) assert.equal(verbs[verb].acts, true, kind)
  }
})
