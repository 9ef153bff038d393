/** The list of those whom an author has told itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  reachBytesMax,
  reachedMax,
  readReach,
  withReach,
} from '../../agent/network/gossip-reach.ts'

const peers = fc.uniqueArray(fc.string({ minLength: 10, maxLength: 52 }), { maxLength: reachedMax })

test('whoever is on the list is found on it, and the payload comes through', () => {
  fc.assert(
    fc.property(peers, fc.uint8Array({ maxLength: 400 }), (reached, payload) => {
      const message = withReach(reached, payload)
      assert.ok(message.length <= payload.length + reachBytesMax)
      const reach = readReach(message)
      assert.deepEqual(reach?.payload, payload)
      for (const peer of reached) assert.ok(reach?.reached(peer))
    }),
  )
})

test('whoever is not on the list is soon not taken for one that is', () => {
  // Two may share 16 bits once in a while, but the salt parts them the next time.
  fc.assert(
    fc.property(peers, fc.string({ minLength: 53 }), (reached, absent) => {
      const mistaken = Array.from({ length: 8 }, () =>
        readReach(withReach(reached, new Uint8Array(1)))?.reached(absent),
      )
      assert.ok(mistaken.includes(false))
    }),
  )
})

test('bytes that are no such message are refused, and never thrown over', () => {
  assert.equal(readReach(new Uint8Array(0)), undefined)
  assert.equal(readReach(Uint8Array.of(reachedMax + 1, 0, 0)), undefined)
  assert.equal(readReach(Uint8Array.of(2, 0, 0, 1, 1, 2)), undefined)
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void readReach(bytes)))
})
