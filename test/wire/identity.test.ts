import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  generateKeyPair,
  generateKeyPairFromSeed,
  privateKeyFromRaw,
  publicKeyFromRaw,
} from '@libp2p/crypto/keys'
import {
  peerIdFromPrivateKey,
  peerIdFromString,
  peerIdFromPublicKey as theirIdOf,
} from '@libp2p/peer-id'
import { preSharedKey } from '@libp2p/pnet'
import fc from 'fast-check'
import {
  type PeerId,
  parsePeerId,
  peerIdFromPublicKey,
  publicKeyOf,
  signerFromSeed,
  verify,
} from '../../protocol/identity/peer-id.ts'
import {
  formatSwarmKey,
  meshFingerprint,
  parseSwarmKey,
} from '../../protocol/identity/swarm-key.ts'

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })

test('a peer id is the one that libp2p gives the same key', () => {
  fc.assert(
    fc.property(bytes32, (raw) => {
      const ours = peerIdFromPublicKey(raw)
      assert.equal(ours, theirIdOf(publicKeyFromRaw(raw)).toString())
      assert.equal(parsePeerId(ours), ours)
      assert.deepEqual(new Uint8Array(publicKeyOf(ours)), raw)
    }),
  )
})

test('a seed gives the id and signatures that libp2p gives it', async () => {
  await fc.assert(
    fc.asyncProperty(bytes32, fc.uint8Array({ maxLength: 300 }), async (seed, message) => {
      const theirs = await generateKeyPairFromSeed('Ed25519', seed)
      const signer = signerFromSeed(seed)
      assert.equal(signer.id, peerIdFromPrivateKey(theirs).toString())
      assert.deepEqual(signer.sign(message), new Uint8Array(await theirs.sign(message)))
      assert.ok(await theirs.publicKey.verify(message, signer.sign(message)))
    }),
    { numRuns: 25 },
  )
})

test('a signature by a key of libp2p is known by the id alone, and a changed one is not', async () => {
  const key = privateKeyFromRaw((await generateKeyPair('Ed25519')).raw)
  const id = parsePeerId(peerIdFromPrivateKey(key).toString())
  assert.ok(id !== undefined)
  const message = new TextEncoder().encode('stop everything')
  const signature = new Uint8Array(await key.sign(message))
  assert.ok(verify(id, message, signature))
  fc.assert(
    fc.property(fc.nat(63), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const forged = signature.slice()
      forged[at] = (forged[at] as number) ^ change
      assert.ok(!verify(id, message, forged))
    }),
  )
  assert.ok(!verify(id, message.subarray(1), signature))
  assert.ok(!verify(id, message, signature.subarray(1)))
  assert.ok(!verify(signerFromSeed(new Uint8Array(32)).id, message, signature))
})

test('a signature that claims to be from no id at all is refused, not a crash', () => {
  fc.assert(
    fc.property(fc.string(), bytes32, (id, raw) => {
      assert.ok(!verify(id as PeerId, raw, new Uint8Array(64)))
      assert.equal(typeof verify(peerIdFromPublicKey(raw), raw, new Uint8Array(64)), 'boolean')
    }),
  )
})

test('what libp2p would not read as an Ed25519 peer id is none', () => {
  const id = signerFromSeed(new Uint8Array(32)).id
  const others = ['', '1', id.slice(1), id.slice(0, -1), `${id}1`, ` ${id}`, `1${id}`]
  others.push('QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N', '1'.repeat(52), 'z'.repeat(52))
  others.push(id.replace('W', '0'), id.replace('W', 'X'), id.toUpperCase())
  for (const text of others) assert.equal(parsePeerId(text), undefined, text)
})

test('one changed letter gives no id, or the id of another key', () => {
  const id = signerFromSeed(new Uint8Array(32).fill(7)).id
  fc.assert(
    fc.property(
      fc.nat(51),
      fc.constantFrom(...'123456789ABCDEFGHJKLMNPQRSTUVWXYZabz0OIl'),
      (at, letter) => {
        const text = id.slice(0, at) + letter + id.slice(at + 1)
        let theirs: string | undefined
        try {
          const read = peerIdFromString(text)
          theirs = read.type === 'Ed25519' ? read.toString() : undefined
        } catch {}
        assert.equal(parsePeerId(text), theirs)
      },
    ),
  )
})

test('a swarm key is written as libp2p reads it, and read as it is written', () => {
  fc.assert(
    fc.property(bytes32, (key) => {
      const text = formatSwarmKey(key)
      assert.deepEqual(parseSwarmKey(text), { ok: true, key })
      assert.deepEqual(parseSwarmKey(text.replaceAll('\n', '\r\n')), { ok: true, key })
      assert.deepEqual(
        parseSwarmKey(
          text
            .trimEnd()
            .toUpperCase()
            .replace('/KEY/SWARM/PSK', '/key/swarm/psk')
            .replace('/BASE16/', '/base16/'),
        ),
        { ok: true, key },
      )
      const theirs = preSharedKey({ psk: new TextEncoder().encode(text) })()
      const { psk } = theirs as unknown as { psk: Uint8Array }
      assert.deepEqual(new Uint8Array(psk), key)
    }),
  )
})

test('a text that is no swarm key says what is wrong with it', () => {
  const good = formatSwarmKey(new Uint8Array(32))
  const why = (text: string) => {
    const parsed = parseSwarmKey(text)
    return parsed.ok ? 'ok' : parsed.why
  }
  assert.equal(why(''), 'notASwarmKey')
  assert.equal(why('hello'), 'notASwarmKey')
  assert.equal(why(`${good}more`), 'notASwarmKey')
  assert.equal(why(good.replace('1.0.0', '2.0.0')), 'notASwarmKey')
  assert.equal(why(good.replace('16', '64')), 'notBase16')
  assert.equal(why(good.replace('00', 'xy')), 'notBase16')
  assert.equal(why(good.replace('00', '')), 'wrongLength')
  assert.equal(why('/key/swarm/psk/1.0.0/\n/base16/'), 'wrongLength')
})

test('a fingerprint tells meshes apart and does not hold their secret', () => {
  const one = new Uint8Array(32).fill(1)
  const two = new Uint8Array(32).fill(2)
  assert.match(meshFingerprint(one), /^[0-9a-f]{16}$/)
  assert.equal(meshFingerprint(one), meshFingerprint(one.slice()))
  assert.notEqual(meshFingerprint(one), meshFingerprint(two))
  assert.ok(!formatSwarmKey(one).includes(meshFingerprint(one)))
})
