import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { defaultCrypto } from '@libp2p/noise/crypto'
import { Uint8ArrayList } from 'uint8arraylist'
import { nativeCipher } from '../../agent/network/native-cipher.ts'

const key = new Uint8Array(randomBytes(32))
const nonce = new Uint8Array(randomBytes(12))
const none = new Uint8Array(0)
const lengths = [0, 1, 599, 600, 1_199, 1_200, 65_519]

function halved(bytes: Uint8Array): Uint8ArrayList {
  const middle = Math.floor(bytes.length / 2)
  return new Uint8ArrayList(bytes.subarray(0, middle), bytes.subarray(middle))
}

test('messages of any length, in one piece or more, are encrypted as libp2p does it', () => {
  for (const length of lengths) {
    const message = new Uint8Array(randomBytes(length))
    const expected = defaultCrypto.chaCha20Poly1305Encrypt(message, nonce, none, key).subarray()
    for (const told of [message, halved(message)]) {
      const encrypted = nativeCipher.chaCha20Poly1305Encrypt(told, nonce, none, key)
      assert.deepEqual(Buffer.from(encrypted.subarray()), Buffer.from(expected), `${length} bytes`)
    }
  }
})

test('what was encrypted is read again, from one piece or more', () => {
  for (const length of lengths) {
    const message = new Uint8Array(randomBytes(length))
    for (const shaped of [(bytes: Uint8Array) => bytes.slice(), halved]) {
      const encrypted = defaultCrypto.chaCha20Poly1305Encrypt(message, nonce, none, key).subarray()
      const read = nativeCipher.chaCha20Poly1305Decrypt(shaped(encrypted.slice()), nonce, none, key)
      assert.deepEqual(Buffer.from(read.subarray()), Buffer.from(message), `${length} bytes`)
    }
  }
})

test('a byte that was changed on the way, of the message or of its tag, is noticed', () => {
  for (const length of [599, 600, 5_000]) {
    const message = new Uint8Array(randomBytes(length))
    const encrypted = nativeCipher.chaCha20Poly1305Encrypt(message, nonce, none, key).subarray()
    for (const at of [0, length - 1, length, length + 15]) {
      const changed = encrypted.slice()
      changed[at] = (changed[at] as number) ^ 1
      assert.throws(() => nativeCipher.chaCha20Poly1305Decrypt(changed, nonce, none, key))
      const inParts = halved(changed)
      assert.throws(() => nativeCipher.chaCha20Poly1305Decrypt(inParts, nonce, none, key))
    }
  }
})
