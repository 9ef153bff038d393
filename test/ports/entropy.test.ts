import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SystemEntropy } from '../../agent/ports/entropy.ts'

test('bytes never repeat, even where the seed and the name are the same: nonces are made of them', () => {
  const seed = new Uint8Array(32)
  const [one, other] = [new SystemEntropy(seed), new SystemEntropy(seed)]
  assert.equal(one.stream('jitter').uint32(), other.stream('jitter').uint32())
  assert.notDeepEqual(one.stream('nonce').bytes(16), other.stream('nonce').bytes(16))
})

test('no two agents draw alike', () => {
  const draws = Array.from({ length: 100 }, () => new SystemEntropy().stream('jitter').unit())
  assert.equal(new Set(draws).size, draws.length)
})
