/** Who signs in with a token, and each way of not being let in. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { callDigest } from '../../protocol/identity/call-digest.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { mintToken, openToken, type TokenWish } from '../../protocol/identity/token.ts'
import { ada, credentialOf, issuer, keyNumber, mesh, nowMs, trust } from './parties.ts'

const here = '127.0.0.1:4131'
const wish: TokenWish = { mesh, audience: here, issuedMs: nowMs, expiresMs: nowMs + 60_000 }
const minted = (change: Partial<TokenWish> = {}, credential = credentialOf(ada), signer = ada) =>
  mintToken({ ...wish, ...change }, credential, signer)

async function why(token: string | Promise<string>, at = nowMs, revoked: string[] = []) {
  const judge = { ...trust, isRevoked: (serial: string) => revoked.includes(serial) }
  const opened = openToken(await token, here, judge, at)
  return opened.ok ? 'signed in' : opened.why
}

test('a token says who has signed it, and how long it is good for', async () => {
  const opened = openToken(await minted(), here, trust, nowMs)
  assert(opened.ok)
  assert.equal(opened.by.subject, ada.id)
  assert.deepEqual(opened.by.roles, ['operator'])
  assert.equal(opened.expiresMs, nowMs + 60_000)
  assert.equal(opened.serials.length, 2, 'of the person and of the issuing key')
})

test('a token is a JWT that any library reads', async () => {
  const [head, body] = (await minted()).split('.')
  const read = (part = '') => JSON.parse(Buffer.from(part, 'base64url').toString())
  assert.deepEqual(read(head), { alg: 'EdDSA', typ: 'JWT' })
  const { iss, aud, iat, exp } = read(body)
  assert.deepEqual({ iss, aud }, { iss: ada.id, aud: here })
  assert.equal(exp - iat, 60)
})

test('no token outlives the certificates that it rests on', async () => {
  const credential = credentialOf(ada, { notAfterMs: nowMs + 5_000 })
  const opened = openToken(await minted({}, credential), here, trust, nowMs)
  assert(opened.ok)
  assert.equal(opened.expiresMs, nowMs + 5_000)
})

test('expired, early, long-lived, foreign and misdirected tokens are refused by name', async () => {
  assert.equal(await why(minted()), 'signed in')
  assert.equal(await why(minted(), nowMs + 60_000), 'expired')
  assert.equal(await why(minted(), nowMs - 61_000), 'notYetValid')
  assert.equal(await why(minted({ expiresMs: nowMs + 60_001 })), 'livesTooLong')
  assert.equal(await why(minted({ expiresMs: nowMs })), 'livesTooLong')
  const other = meshIdOf(keyNumber(9).id)
  assert.equal(await why(minted({ mesh: other })), 'foreignMesh')
  assert.equal(await why(minted({}, credentialOf(ada, { mesh: other }))), 'foreignMesh')
  assert.equal(await why(minted({ audience: '127.0.0.1:4132' })), 'otherAudience')
})

test('another’s certificate, a host’s, a revoked one and another algorithm are refused', async () => {
  assert.equal(await why(minted({}, credentialOf(ada), keyNumber(9))), 'badSignature')
  const host = credentialOf(ada, { kind: 'peer', roles: ['agent'] })
  assert.equal(await why(minted({}, host)), 'notAPerson')
  const opened = openToken(await minted({}, credentialOf(ada)), here, trust, nowMs)
  assert(opened.ok)
  const credential = credentialOf(ada, { serial: 'ab'.repeat(16) })
  assert.equal(await why(minted({}, credential), nowMs, ['ab'.repeat(16)]), 'revoked')
  const [, body, signature] = (await minted()).split('.')
  for (const alg of ['none', 'HS256', 'ES256']) {
    const head = Buffer.from(JSON.stringify({ alg, typ: 'JWT' })).toString('base64url')
    assert.equal(await why(`${head}.${body}.${signature}`), 'malformed')
    assert.equal(await why(`${head}.${body}.`), 'malformed')
  }
  assert.equal(await why(minted({}, credentialOf(issuer), ada)), 'badSignature')
})

test('a token that was changed anywhere, cut or lengthened signs nobody in', async () => {
  const token = await minted()
  const change = fc.record({
    at: fc.nat(token.length - 1),
    letter: fc.constantFrom(...'ABCxyz019-_.'),
    cut: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(change, async ({ at, letter, cut }) => {
      const forged = cut ? token.slice(0, at) : token.slice(0, at) + letter + token.slice(at + 1)
      // The last letter of base64 may hold bits that stand for nothing.
      const same = Buffer.from(forged.split('.')[2] ?? '', 'base64url')
      const signature = Buffer.from(token.split('.')[2] ?? '', 'base64url')
      fc.pre(forged !== token && !(at === token.length - 1 && same.equals(signature)))
      assert.notEqual(await why(forged), 'signed in')
    }),
    { numRuns: 500 },
  )
  assert.equal(await why(`${token}${'A'.repeat(10_000)}`), 'malformed')
})

test('whatever is sent as a token, nobody throws', () => {
  fc.assert(
    fc.property(fc.string(), fc.json(), (head, body) => {
      const text = Buffer.from(body).toString('base64url')
      assert.equal(openToken(`${head}.${text}.x`, here, trust, nowMs).ok, false)
    }),
  )
})

test('no two calls have one digest, however their parts are cut', () => {
  const part = fc.string({ maxLength: 4 })
  const call = fc.record({
    method: part,
    path: part,
    query: part,
    body: fc.uint8Array({ maxLength: 4 }),
  })
  fc.assert(
    fc.property(call, call, (a, b) => {
      const same =
        JSON.stringify({ ...a, body: [...a.body] }) === JSON.stringify({ ...b, body: [...b.body] })
      assert.equal(Buffer.from(callDigest(a)).equals(callDigest(b)), same)
    }),
  )
})
