import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trustLimits } from '../../agent/trust/limits.ts'
import { Introduction } from '../../protocol/identity/introduction.ts'
import { type PeerId, type Signer, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { acquaintances, credentialOf } from '../identity/parties.ts'

function peerNumber(n: number): Signer {
  const seed = new Uint8Array(32)
  new DataView(seed.buffer).setUint32(0, n)
  return signerFromSeed(seed)
}

const shownBy = (peer: Signer) =>
  encode(Introduction, { credential: credentialOf(peer, { kind: 'peer', roles: ['agent'] }) })

test('whoever is connected is known, however many come and go', () => {
  const here = new Set<PeerId>()
  const peers = acquaintances(here)
  const staying = peerNumber(1)
  here.add(staying.id)
  assert.equal(peers.meet(staying.id, shownBy(staying)), undefined)
  const passing = Array.from({ length: trustLimits.awayMax + 10 }, (_, i) => peerNumber(2 + i))
  for (const peer of passing) {
    here.add(peer.id)
    assert.equal(peers.meet(peer.id, shownBy(peer)), undefined)
    here.delete(peer.id)
    peers.leaves(peer.id)
  }
  assert.equal(peers.fault(staying.id), undefined)
  const known = passing.map(({ id }) => peers.fault(id) === undefined)
  assert.deepEqual(
    known.slice(0, 10),
    Array(10).fill(false),
    'those away for longest are forgotten',
  )
  assert.deepEqual(known.slice(10), Array(trustLimits.awayMax).fill(true), 'the others are not')
})
