import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import {
  openedUnder,
  type SealingKey,
  sealedTo,
  sealedUnder,
  sealingKeyFrom,
  sealingKeyOf,
} from '../../protocol/identity/sealing.ts'

const seed = (number: number) => new Uint8Array(32).fill(number)
const chance = new Uint8Array(44).map((_, i) => i + 1)
const value = new TextEncoder().encode('value')

test('what is sealed to a key opens with it, and with no other', () => {
  const key = sealingKeyFrom(seed(1))
  const sealed = sealedTo(key.publicKey, value, 'a', chance)
  assert.deepEqual(key.open(sealed, 'a'), value)
  assert.equal(key.open(sealed, 'b'), undefined, 'it is not what it was sealed as')
  assert.equal(sealingKeyFrom(seed(2)).open(sealed, 'a'), undefined)
  assert.ok(!Buffer.from(sealed).includes(Buffer.from(value)))
})

test('a changed byte, a missing one, or any other bytes do not open, and do no harm', () => {
  const key = sealingKeyFrom(seed(1))
  const sealed = sealedTo(key.publicKey, value, 'a', chance)
  for (let at = 0; at < sealed.length; at++) {
    const changed = sealed.with(at, (sealed[at] as number) ^ 1)
    assert.equal(key.open(changed, 'a'), undefined, `byte ${at}`)
    assert.equal(key.open(sealed.subarray(0, at), 'a'), undefined)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(key.open(bytes, 'a'), undefined)
      assert.equal(openedUnder(seed(3), bytes, 'a'), undefined)
    }),
  )
})

test('what is sealed under a key opens as what it was sealed as', () => {
  const sealed = sealedUnder(seed(3), value, 'secret a', chance.subarray(0, 12))
  assert.deepEqual(openedUnder(seed(3), sealed, 'secret a'), value)
  assert.equal(openedUnder(seed(3), sealed, 'secret b'), undefined)
  assert.equal(openedUnder(seed(4), sealed, 'secret a'), undefined)
})

test('the key of an identity is its own, and the same each time', () => {
  const keyOf = (number: number) => sealingKeyOf(signerFromSeed(seed(number))).publicKey
  assert.deepEqual(keyOf(1), keyOf(1))
  assert.notDeepEqual(keyOf(1), keyOf(2))
})

test('two come by the same secret, of their own seed each, and another for another purpose', () => {
  const [a, b, c] = [1, 2, 3].map((number) => sealingKeyFrom(seed(number))) as [
    SealingKey,
    SealingKey,
    SealingKey,
  ]
  const agreed = a.agreedWith(b.publicKey)
  const secret = agreed?.('x')
  assert.equal(secret?.length, 32)
  assert.deepEqual(b.agreedWith(a.publicKey)?.('x'), secret)
  assert.notDeepEqual(agreed?.('y'), secret)
  assert.notDeepEqual(a.agreedWith(c.publicKey)?.('x'), secret)
  assert.equal(a.agreedWith(new Uint8Array(32)), undefined, 'it is no key')
  assert.equal(a.agreedWith(new Uint8Array(5)), undefined)
})
