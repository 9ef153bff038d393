/** A request is done once, as long as it is remembered; and only so many are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takenPerPeerMax } from '../../agent/links/limits.ts'
import { Taken } from '../../agent/links/taken.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'

const ann = 'ann' as PeerId
const ben = 'ben' as PeerId

test('of each peer the newest requests are remembered, and the oldest forgotten first', () => {
  const taken = new Taken()
  const rounds = 3 * takenPerPeerMax
  for (let id = 0; id < rounds; id++) assert.ok(taken.add(ann, id))
  for (let id = rounds - takenPerPeerMax; id < rounds; id++) assert.ok(!taken.add(ann, id))
  // One that is forgotten may come again, and takes the place of the oldest.
  assert.ok(taken.add(ann, rounds - takenPerPeerMax - 1))
  assert.ok(taken.add(ann, rounds - takenPerPeerMax))
  assert.ok(!taken.add(ann, rounds - 1))
})

test('what one peer has asked, another may ask', () => {
  const taken = new Taken()
  assert.ok(taken.add(ann, 7))
  assert.ok(taken.add(ben, 7))
  assert.ok(!taken.add(ann, 7))
})
