/** Whose word takes a key back, and what a peer that lies can make of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { believe } from '../../protocol/identity/credential.ts'
import {
  judgeRevocation,
  RevocationWord,
  revocationWord,
} from '../../protocol/identity/revocation.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { ada, credentialOf, grantOf, keyNumber, mesh, nowMs, trust } from './parties.ts'
import { revoking } from './revoking.ts'

const host = keyNumber(7).id
const dayMs = 86_400_000
const heard = { kind: 'heard', nowMs } as const
const admin = { roles: ['admin'] as const }

const why = (
  word: Uint8Array,
  judge = trust,
  as: Parameters<typeof judgeRevocation>[2] = heard,
) => {
  const judged = judgeRevocation(word, judge, as)
  return judged.ok ? 'good' : judged.why
}

test('an admin takes a key back, says why, and is believed days later', () => {
  const word = revoking(host, { reason: 'stolen' })
  const judged = judgeRevocation(word, trust, { kind: 'heard', nowMs: nowMs + dayMs / 2 })
  assert.deepEqual(judged, {
    ok: true,
    revoked: { what: host, by: 'ada', reason: 'stolen', atMs: nowMs },
  })
})

test('nobody else does: no operator, no host, no other mesh, no other verb, nothing that is no key', () => {
  assert.equal(why(revoking(host, { holder: { roles: ['operator'] } })), 'notAllowed')
  assert.equal(
    why(revoking(host, { holder: { kind: 'peer', roles: ['coordinator'] } })),
    'notAllowed',
  )
  const other = {
    ...trust,
    mesh: mesh.replace(/^./, (c) => (c === '0' ? '1' : '0')) as typeof mesh,
  }
  assert.equal(why(revoking(host), other), 'foreignMesh')
  assert.equal(why(revoking(host, { command: { verb: 'node.drain' } })), 'otherCall')
  assert.equal(why(revoking('n3')), 'otherCall')
  assert.equal(why(Uint8Array.of(1, 2, 3)), 'malformed')
})

test('the word for one key takes no other back, and gives no other reason', () => {
  const read = decode(RevocationWord, revoking(host))
  assert.ok(read.ok)
  const { envelope, body } = read.value
  const other = `/api/v1/nodes/${keyNumber(8).id}/revoke`
  const told = Buffer.from('{"reason":"because"}')
  for (const call of [
    { path: other, body },
    { path: read.value.path, body: told },
  ]) {
    assert.equal(why(revocationWord(envelope, call) as Uint8Array), 'otherCall')
  }
})

test('what is heard from a peer needs a signer who is good now; what was decided stands', () => {
  const word = revoking(host)
  const late = { kind: 'heard', nowMs: nowMs + 2 * dayMs } as const
  assert.equal(why(word, trust, late), 'expired')
  assert.equal(why(word, trust, { kind: 'heard', nowMs: nowMs - dayMs / 2 }), 'notYetValid')
  const gone = { ...trust, isRevoked: (what: string) => what === ada.id }
  assert.equal(why(word, gone), 'revoked')
  assert.equal(why(word, gone, { kind: 'decided' }), 'good')
})

test('no flipped byte and no cut leaves a word that takes anything else back', () => {
  const word = revoking(host, { reason: 'stolen' })
  const good = judgeRevocation(word, trust, heard)
  fc.assert(
    fc.property(fc.nat(word.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const changed = word.slice()
      changed[at]! ^= by
      const judged = judgeRevocation(changed, trust, heard)
      if (judged.ok) assert.deepEqual(judged, good)
      assert.equal(judgeRevocation(word.subarray(0, at), trust, heard).ok, false)
    }),
    { numRuns: 500 },
  )
})

test('of a key that was taken back no certificate is believed, whatever its serial', () => {
  const subject = keyNumber(7)
  const judge = { ...trust, isRevoked: (what: string) => what === subject.id }
  for (const change of [{}, { notBeforeMs: nowMs }, { serial: 'ff'.repeat(16) }]) {
    const grant = { kind: 'peer', roles: ['coordinator'] as 'coordinator'[], ...change } as const
    const believed = believe(credentialOf(subject, grant), judge, nowMs)
    assert.deepEqual(believed, { ok: false, why: 'revoked' })
  }
  assert.ok(believe(credentialOf(ada, grantOf(ada, { roles: [...admin.roles] })), judge, nowMs).ok)
})

test('a word that is too large is none', () => {
  assert.equal(
    revocationWord(new Uint8Array(64 * 1024), { path: '/', body: new Uint8Array() }),
    undefined,
  )
  assert.ok(
    encode(RevocationWord, { envelope: new Uint8Array(1), path: '/', body: new Uint8Array() }),
  )
})
