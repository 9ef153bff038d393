import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { judgeWord } from '../../protocol/estop/judge.ts'
import { readWord, StopWord } from '../../protocol/estop/word.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { ada, keyNumber, nowMs, trust } from '../identity/parties.ts'
import {
  admin,
  bob,
  handsOf,
  one,
  operator,
  otherAdmin,
  raiseOf,
  releaseOf,
  signed,
  two,
} from './words.ts'

const yearMs = 365 * 86_400_000

function faultOf(word: StopWord, change: { atMs?: number; rules?: typeof one } = {}): string {
  const found = judgeWord(word, trust, change.atMs ?? nowMs, change.rules ?? one)
  if (!found.ok) return found.why
  return found.isWhole ? 'believed' : 'needs another'
}

test('an operator may raise a stop and may not release one', () => {
  assert.equal(faultOf(signed(raiseOf(), operator)), 'believed')
  assert.equal(faultOf(signed(releaseOf(), operator)), 'notAllowed')
  assert.equal(faultOf(signed(releaseOf(), admin)), 'believed')
})

test('a viewer, a host and a word that nobody has signed raise nothing', () => {
  const viewer = handsOf(ada, { roles: ['viewer'] })
  const host = handsOf(ada, { kind: 'peer', name: 'n1', roles: ['coordinator'] })
  assert.equal(faultOf(signed(raiseOf(), viewer)), 'notAllowed')
  assert.equal(faultOf(signed(raiseOf(), host)), 'notAllowed')
  assert.equal(faultOf(signed(raiseOf())), 'unsigned')
})

test('a raise is believed when its certificate has run out, and when the clock is years off', () => {
  const word = signed(raiseOf(), operator)
  for (const atMs of [nowMs + 3 * yearMs, nowMs - 20 * yearMs, 0]) {
    assert.equal(faultOf(word, { atMs }), 'believed')
  }
})

test('a raise by somebody who was taken back is not believed, whatever the clock says', () => {
  const word = signed(raiseOf(), operator)
  const none = { ...trust, isRevoked: () => true }
  for (const atMs of [nowMs, nowMs + yearMs]) {
    assert.deepEqual(judgeWord(word, none, atMs, one), { ok: false, why: 'revoked' })
  }
})

test('a release needs a certificate that is valid by the clock of the host', () => {
  const word = signed(releaseOf(), admin)
  assert.equal(faultOf(word, { atMs: nowMs + yearMs }), 'expired')
  assert.equal(faultOf(word, { atMs: nowMs - yearMs }), 'notYetValid')
})

test('where two people are asked for, one of them twice is one, and so is one key of two names', () => {
  const again = handsOf(keyNumber(9), { name: 'bob', roles: ['admin'] })
  const alias = handsOf(bob, { name: 'rob', roles: ['admin'] })
  const rules = two
  assert.equal(faultOf(signed(releaseOf(), admin), { rules }), 'needs another')
  assert.equal(faultOf(signed(releaseOf(), admin, admin), { rules }), 'needs another')
  assert.equal(faultOf(signed(releaseOf(), admin, again), { rules }), 'needs another')
  assert.equal(faultOf(signed(releaseOf(), admin, alias), { rules }), 'needs another')
  assert.equal(faultOf(signed(releaseOf(), admin, operator), { rules }), 'needs another')
  assert.equal(faultOf(signed(releaseOf(), admin, otherAdmin), { rules }), 'believed')
})

test('a second person is asked for only where the whole mesh is released', () => {
  const scope = { kind: 'run', run: 'r1' } as const
  assert.equal(faultOf(signed(releaseOf({ scope }), admin), { rules: two }), 'believed')
})

test('a word whose bytes were changed, or that is of another mesh, is not believed', () => {
  const word = signed(raiseOf(), operator)
  fc.assert(
    fc.property(fc.nat(word.body.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const body = Uint8Array.from(word.body, (byte, i) => (i === at ? byte ^ by : byte))
      assert.notEqual(faultOf({ ...word, body }), 'believed')
    }),
  )
  const elsewhere = { ...trust, mesh: 'f'.repeat(64) as typeof trust.mesh }
  assert.deepEqual(judgeWord(word, elsewhere, nowMs, one), { ok: false, why: 'foreignMesh' })
})

test('garbage, truncated words and words that go on are refused without an exception', () => {
  const whole = encode(StopWord, signed(raiseOf(), operator))
  const tried = (bytes: Uint8Array): void => {
    const word = readWord(bytes)
    if (word !== undefined) judgeWord(word, trust, nowMs, one)
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), tried))
  fc.assert(fc.property(fc.nat(whole.length - 1), (length) => tried(whole.subarray(0, length))))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (body) => {
      const found = judgeWord({ body, hands: signed(raiseOf(), operator).hands }, trust, nowMs, one)
      assert.equal(found.ok, false)
    }),
  )
})
