/** Who is let in by a token: the rules, and a slower judge that must always agree. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { judgeJoin, type TokenRecord, type TokenUse } from '../../protocol/joining/judging.ts'
import { claimBytes, type JoinClaim } from '../../protocol/joining/messages.ts'
import { joinTokenId } from '../../protocol/joining/token.ts'
import { keyNumber, mesh, nowMs } from '../identity/parties.ts'

const tokenKey = keyNumber(20)
const joiner = keyNumber(21).id
const asked = keyNumber(22).id

const claim: JoinClaim = {
  mesh,
  token: joinTokenId(tokenKey.id),
  joiner,
  asked,
  nonce: new Uint8Array(32).fill(7),
  name: 'edge-1',
}

const useBy = (peer: PeerId, serial: string): TokenUse => ({ peer, serial, name: 'x', atMs: nowMs })

function recordWith(change: Partial<TokenRecord> = {}): TokenRecord {
  return {
    key: tokenKey.id,
    role: 'agent',
    labels: { zone: 'north' },
    uses: 1,
    expiresMs: nowMs + 60_000,
    isRevoked: false,
    used: [],
    ...change,
  }
}

const signed = (of: JoinClaim = claim, by = tokenKey) => by.sign(claimBytes(of))
const judged = (
  record: TokenRecord | undefined,
  signature = signed(),
  of = claim,
  atMs = nowMs,
  revoked: string[] = [],
) => {
  const verdict = judgeJoin(record, of, signature, atMs, (use) =>
    revoked.includes(use?.serial ?? 'new'),
  )
  return verdict.ok ? (verdict.again?.serial ?? 'in') : verdict.why
}

test('a good token lets in whoever proves it, and the same host again with the same serial', () => {
  assert.equal(judged(recordWith()), 'in')
  const used = [useBy(joiner, 'aa')]
  assert.equal(judged(recordWith({ used })), 'aa')
  assert.equal(judged(recordWith({ used: [useBy(asked, 'bb')] })), 'spent')
  assert.equal(judged(recordWith({ used: [useBy(asked, 'bb')], uses: 2 })), 'in')
})

test('nobody comes by a token who was taken back, whether they have been let in by it or not', () => {
  assert.equal(judged(recordWith(), signed(), claim, nowMs, ['new']), 'hostRevoked')
  const used = [useBy(joiner, 'aa')]
  assert.equal(judged(recordWith({ used, uses: 5 }), signed(), claim, nowMs, ['aa']), 'hostRevoked')
})

test('a token that is unknown, taken back or too old lets in nobody, also not again', () => {
  assert.equal(judged(undefined), 'unknownToken')
  for (const used of [[], [useBy(joiner, 'aa')]]) {
    assert.equal(judged(recordWith({ isRevoked: true, used })), 'revoked')
    assert.equal(judged(recordWith({ used }), signed(), claim, nowMs + 60_000), 'expired')
    assert.equal(judged(recordWith({ used }), signed(), claim, nowMs + 59_999) === 'expired', false)
  }
})

test('what was proven for another mesh, token, host, agent, nonce or name proves nothing here', () => {
  const others: Partial<JoinClaim>[] = [
    { mesh: meshIdOf(keyNumber(9).id) },
    { token: joinTokenId(keyNumber(9).id) },
    { joiner: keyNumber(9).id },
    { asked: keyNumber(9).id },
    { nonce: new Uint8Array(32).fill(8) },
    { name: 'edge-2' },
  ]
  for (const change of others) {
    assert.equal(judged(recordWith(), signed({ ...claim, ...change })), 'badSignature')
  }
  assert.equal(judged(recordWith(), signed(claim, keyNumber(9))), 'badSignature')
  assert.equal(judged(recordWith(), new Uint8Array(3)), 'badSignature')
  // Not even that it is spent is found out by who cannot prove it.
  const spent = recordWith({ used: [useBy(asked, 'bb')], isRevoked: true })
  assert.equal(judged(spent, signed(claim, keyNumber(9))), 'badSignature')
})

test('however many hosts ask in whatever order, no more get in than the token has uses', () => {
  const hosts = fc.array(fc.integer({ min: 30, max: 36 }), { maxLength: 20 })
  fc.assert(
    fc.property(hosts, fc.integer({ min: 1, max: 4 }), (order, uses) => {
      let used: TokenUse[] = []
      const dumb = new Set<PeerId>()
      for (const n of order) {
        const peer = keyNumber(n).id
        const theirs = { ...claim, joiner: peer }
        const verdict = judged(recordWith({ used, uses }), signed(theirs), theirs)
        const expected = dumb.has(peer) || dumb.size < uses
        assert.equal(verdict !== 'spent', expected)
        if (verdict === 'in') used = [...used, useBy(peer, `s${n}`)]
        if (expected) dumb.add(peer)
      }
      assert.ok(used.length <= uses)
      assert.deepEqual(new Set(used.map(({ peer }) => peer)), dumb)
    }),
    { numRuns: 50 },
  )
})
