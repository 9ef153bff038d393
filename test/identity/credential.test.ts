/** Who is believed, and who is not, with each way of being a fraud. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { issueCertificate } from '../../protocol/identity/certificate.ts'
import { believe, Credential } from '../../protocol/identity/credential.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { personRoles } from '../../protocol/identity/roles.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import {
  ada,
  credentialOf,
  grantOf,
  issuer,
  issuerCertificate,
  keyNumber,
  nowMs,
  root,
  trust,
} from './parties.ts'

const why = (credential: Credential, at = nowMs, revoked: string[] = []) => {
  const believed = believe(credential, { ...trust, isRevoked: (s) => revoked.includes(s) }, at)
  return believed.ok ? 'believed' : believed.why
}

test('a leaf of an issuing key of the root is believed, and says who it is', () => {
  const believed = believe(credentialOf(ada, { labels: { team: 'edge' } }), trust, nowMs)
  assert(believed.ok)
  assert.equal(believed.holder.subject, ada.id)
  assert.deepEqual(believed.holder.roles, ['operator'])
  assert.deepEqual(believed.holder.labels, { team: 'edge' })
})

test('only the root itself can make a master', () => {
  const grant = grantOf(ada, { roles: ['master'] })
  assert.equal(why({ leaf: issueCertificate(grant, root) }), 'believed')
  const all = issuerCertificate({ roles: ['master', 'admin'] })
  assert.equal(why({ leaf: issueCertificate(grant, issuer), issuer: all }), 'notGranted')
})

test('an issuing key grants no more than the root has let it', () => {
  const peers = issuerCertificate({ roles: ['agent'] })
  const grant = grantOf(ada, { roles: ['viewer'] })
  assert.equal(why({ leaf: issueCertificate(grant, issuer), issuer: peers }), 'notGranted')
  const voter = grantOf(ada, { kind: 'peer', roles: ['coordinator'] })
  assert.equal(why({ leaf: issueCertificate(voter, issuer), issuer: peers }), 'notGranted')
})

test('another root, another issuer and another mesh are told apart', () => {
  const stranger = keyNumber(9)
  const otherIssuer = { ...credentialOf(ada), issuer: issuerCertificate({}, stranger) }
  assert.equal(why(otherIssuer), 'unknownIssuer')
  const otherLeaf = issueCertificate(grantOf(ada), stranger)
  assert.equal(why({ leaf: otherLeaf, issuer: issuerCertificate() }), 'unknownIssuer')
  assert.equal(why({ leaf: otherLeaf }), 'unknownIssuer')
  assert.equal(why(credentialOf(ada, { mesh: meshIdOf(stranger.id) })), 'foreignMesh')
})

test('a leaf cannot issue, and an issuing key is nobody', () => {
  const adas = issueCertificate(grantOf(ada, { roles: ['admin'] }), root)
  const friend = issueCertificate(grantOf(keyNumber(8)), ada)
  assert.equal(why({ leaf: friend, issuer: adas }), 'unknownIssuer')
  assert.equal(why({ leaf: issuerCertificate() }), 'notGranted')
})

test('time and revocation end every link of the chain', () => {
  const credential = credentialOf(ada)
  assert.equal(why(credential, nowMs + 86_400_000), 'expired')
  assert.equal(why(credential, nowMs - 86_400_000), 'believed', 'a clock may be a little behind')
  assert.equal(why(credential, nowMs - 90_000_000), 'notYetValid')
  const held = believe(credential, trust, nowMs)
  assert(held.ok)
  assert.equal(why(credential, nowMs, [held.holder.serial]), 'revoked')
  const late = { ...credential, issuer: issuerCertificate({ notAfterMs: nowMs - 1 }) }
  assert.equal(why(late), 'expired')
  const serial = 'ab'.repeat(16)
  assert.equal(
    why({ ...credential, issuer: issuerCertificate({ serial }) }, nowMs, [serial]),
    'revoked',
  )
})

test('one flipped bit, a cut or a strange tail anywhere is never believed', () => {
  const whole = encode(Credential, credentialOf(ada))
  fc.assert(
    fc.property(
      fc.nat(whole.length - 1),
      fc.integer({ min: 0, max: 7 }),
      fc.boolean(),
      (at, bit, cut) => {
        const forged = cut ? whole.slice(0, at) : Uint8Array.from(whole)
        if (!cut) forged[at]! ^= 1 << bit
        const read = decode(Credential, forged)
        return !read.ok || why(read.value) !== 'believed'
      },
    ),
    { numRuns: 2_000 },
  )
})

test('a signature for one certificate is none for another, whatever the roles', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...personRoles),
      fc.constantFrom(...personRoles),
      (true_, wanted) => {
        const mine = credentialOf(ada, { roles: [true_] })
        const better = credentialOf(ada, { roles: [wanted] })
        const swapped = { ...better.leaf, signature: mine.leaf.signature }
        return why({ ...mine, leaf: swapped }) !== 'believed'
      },
    ),
  )
})
