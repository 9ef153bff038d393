import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { derValues } from '../../agent/http/der.ts'
import { believeHost, hostCertificate } from '../../agent/http/host-certificate.ts'
import type { Grant } from '../../protocol/identity/certificate.ts'
import { issueCertificate } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { privateKeyPem, publicKeyOf, signerFromSeed } from '../../protocol/identity/peer-id.ts'

const nowMs = Date.UTC(2026, 10, 22)
const day = 86_400_000
const seed = (byte: number) => new Uint8Array(32).fill(byte)
const root = signerFromSeed(seed(1))
const host = signerFromSeed(seed(2))
const mesh = meshIdOf(root.id)
const trust = { mesh, isRevoked: () => false }

function credentialOf(changes: Partial<Grant> = {}, by = root): Credential {
  const grant: Grant = {
    mesh,
    serial: 'ab'.repeat(16),
    kind: 'peer',
    subject: host.id,
    name: 'n1',
    roles: ['agent'],
    labels: {},
    notBeforeMs: nowMs - day,
    notAfterMs: nowMs + day,
    ...changes,
  }
  return { leaf: issueCertificate(grant, by) }
}

test('OpenSSL reads the certificate as what it is, for any name and any time', () => {
  const names = fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme-ascii' })
  const times = fc.integer({ min: nowMs, max: Date.UTC(2099, 0, 1) })
  fc.assert(
    fc.property(names, times, (name, notAfterMs) => {
      const bytes = hostCertificate(host, credentialOf({ name, notAfterMs }))
      const x509 = new X509Certificate(bytes)
      assert.ok(x509.verify(x509.publicKey), 'it is signed by its own key')
      assert.ok(x509.checkPrivateKey(createPrivateKey(privateKeyPem(seed(2)))))
      const spki = x509.publicKey.export({ format: 'der', type: 'spki' })
      assert.deepEqual(new Uint8Array(spki.subarray(-32)), new Uint8Array(publicKeyOf(host.id)))
      assert.equal(Date.parse(x509.validTo), notAfterMs - (notAfterMs % 1_000))
      assert.equal(Date.parse(x509.validFrom), nowMs - day)
      assert.match(x509.serialNumber, /^[4-7][0-9A-F]{31}$/)
    }),
  )
})

test('a host is believed by its certificate, and nobody else', () => {
  const why = (bytes: Uint8Array, at = nowMs) => {
    const believed = believeHost(bytes, trust, at)
    return believed.ok ? believed.holder.name : believed.why
  }
  const good = hostCertificate(host, credentialOf())
  assert.equal(why(good), 'n1')
  assert.equal(why(good, nowMs + day), 'expired')
  const stranger = signerFromSeed(seed(9))
  assert.equal(why(hostCertificate(host, credentialOf({}, stranger))), 'unknownIssuer')
  const elsewhere = meshIdOf(stranger.id)
  assert.equal(
    why(hostCertificate(host, credentialOf({ mesh: elsewhere }, stranger))),
    'foreignMesh',
  )
  const person = credentialOf({ kind: 'person', roles: ['master'] })
  assert.equal(why(hostCertificate(host, person)), 'noHost')
  // The key in it is another's, who has copied the credential off this host.
  const copied = Buffer.from(good)
  copied.set(publicKeyOf(stranger.id), copied.indexOf(publicKeyOf(host.id)))
  assert.equal(why(copied), 'notItsOwn')
})

test('whatever else is shown is no host, and nothing is thrown', () => {
  const good = hostCertificate(host, credentialOf())
  assert.ok(believeHost(good, trust, nowMs).ok)
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const bytes = good.slice()
      bytes[at]! ^= flip
      const believed = believeHost(bytes, trust, nowMs)
      // What X.509 says besides (names, times, its signature) is not what it is believed for.
      if (believed.ok) assert.equal(believed.holder.subject, host.id)
    }),
  )
  fc.assert(
    fc.property(fc.nat(good.length - 1), (length) => {
      assert.equal(believeHost(good.subarray(0, length), trust, nowMs).ok, false)
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      derValues(bytes)
      assert.equal(believeHost(bytes, trust, nowMs).ok, false)
    }),
  )
})
