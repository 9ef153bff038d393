/** A command is done once, by whoever may, while it is fresh; all else is refused by its reason. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Envelope, openEnvelope, sealEnvelope } from '../../protocol/identity/envelope.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { NonceWindow } from '../../protocol/identity/nonce-window.ts'
import { hasRole, personRoles, type Role } from '../../protocol/identity/roles.ts'
import { mayDo, type VerbName, verbs } from '../../protocol/identity/verbs.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { ada, commandOf, credentialOf, envelopeOf, keyNumber, nowMs, trust } from './parties.ts'

const why = (envelope: Envelope, at = nowMs) => {
  const opened = openEnvelope(envelope, trust, at)
  return opened.ok ? 'done' : opened.why
}

test('a signed command opens to what was asked and by whom', () => {
  const opened = openEnvelope(envelopeOf({ object: 'r7' }), trust, nowMs)
  assert(opened.ok)
  assert.equal(opened.command.verb, 'run.cancel')
  assert.equal(opened.command.object, 'r7')
  assert.deepEqual([...opened.command.payload], [1, 2, 3])
  assert.equal(opened.by.subject, ada.id)
})

test('expired, early, long-lived and foreign commands are refused by name', () => {
  assert.equal(why(envelopeOf(), nowMs + 60_000), 'expired')
  assert.equal(why(envelopeOf(), nowMs - 61_000), 'notYetValid')
  assert.equal(why(envelopeOf({ expiresMs: nowMs + 600_001 })), 'livesTooLong')
  assert.equal(why(envelopeOf({ mesh: meshIdOf(keyNumber(9).id) })), 'foreignMesh')
  assert.equal(why(envelopeOf({ verb: 'root.key' as VerbName })), 'unknownVerb')
})

test('a host cannot command, and neither can another with somebody’s certificate', () => {
  assert.equal(why(envelopeOf({}, { kind: 'peer', roles: ['coordinator'] })), 'notAllowed')
  const stolen = sealEnvelope(commandOf(), credentialOf(ada), keyNumber(7))
  assert.equal(why(stolen), 'badSignature')
})

test('each role may do what the table gives it and nothing else', () => {
  for (const role of personRoles.filter((name) => name !== 'master')) {
    for (const verb of Object.keys(verbs) as VerbName[]) {
      const may = hasRole([role], verbs[verb].roles)
      assert.equal(why(envelopeOf({ verb }, { roles: [role] })), may ? 'done' : 'notAllowed', verb)
    }
  }
  assert.equal(mayDo(['admin'], 'run.vote'), false, 'an admin is no second pair of eyes')
  assert.equal(mayDo(['viewer'], 'run.start'), false)
  assert.equal(mayDo(['master'] as Role[], 'run.vote'), true)
})

test('one flipped bit anywhere is refused, and nothing throws', () => {
  const whole = encode(Envelope, envelopeOf())
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
      const forged = Uint8Array.from(whole)
      forged[at]! ^= 1 << bit
      const read = decode(Envelope, forged)
      return !read.ok || why(read.value) !== 'done'
    }),
    { numRuns: 2_000 },
  )
})

test('a command is admitted once, also after the window went to disk and back', () => {
  const command = commandOf()
  const window = new NonceWindow(10)
  assert.equal(window.admit(ada.id, command, nowMs), 'fresh')
  assert.equal(window.admit(ada.id, command, nowMs), 'replayed')
  assert.equal(window.admit(keyNumber(5).id, command, nowMs), 'fresh', 'nonces are one’s own')
  const later = new NonceWindow(10, window.entries())
  assert.equal(later.admit(ada.id, command, nowMs), 'replayed')
})

test('a full window refuses what is new and forgets only what has expired', () => {
  const window = new NonceWindow(2)
  const first = commandOf()
  assert.equal(window.admit(ada.id, first, nowMs), 'fresh')
  assert.equal(window.admit(ada.id, commandOf({ expiresMs: nowMs + 600_000 }), nowMs), 'fresh')
  assert.equal(window.admit(ada.id, commandOf(), nowMs), 'full')
  assert.equal(window.admit(ada.id, first, nowMs), 'replayed')
  assert.equal(window.admit(ada.id, commandOf(), nowMs + 60_000), 'fresh')
  assert.equal(window.size, 2)
})
