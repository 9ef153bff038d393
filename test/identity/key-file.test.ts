/** A key comes out of its file as it went in, and only for who knows the passphrase. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatKeyFile,
  type KeyFile,
  openKey,
  parseKeyFile,
  sealSeed,
} from '../../protocol/identity/key-file.ts'
import { credentialOf, keyNumber, mesh } from './parties.ts'

const ada = keyNumber(77)
const seed = new Uint8Array(32).fill(77)
const chance = { salt: new Uint8Array(16).fill(1), nonce: new Uint8Array(12).fill(2) }

const file = (key: KeyFile['key']): KeyFile => ({
  use: 'operator',
  mesh,
  name: 'ada',
  id: ada.id,
  key,
  credential: credentialOf(ada),
})

test('a key in the open is read back, with its credential', () => {
  const written = file({ kind: 'plain', seed })
  const read = parseKeyFile(formatKeyFile(written))
  assert(read)
  assert.deepEqual(read.credential?.leaf.signature, written.credential?.leaf.signature)
  assert.equal(openKey(read)?.id, ada.id)
})

test('a key under a passphrase opens with that one and with no other', () => {
  const written = formatKeyFile(file(sealSeed(seed, 'correct horse', chance)))
  assert(!written.includes(Buffer.from(seed).toString('base64url')))
  const read = parseKeyFile(written)
  assert(read)
  assert.equal(openKey(read, 'correct horse')?.id, ada.id)
  assert.equal(openKey(read, 'correct house'), undefined)
  assert.equal(openKey(read), undefined)
})

test('a file that was changed gives no key', () => {
  const key = sealSeed(seed, 'x', chance)
  const sealed = Uint8Array.from(key.sealed)
  sealed[0]! ^= 1
  assert.equal(openKey(file({ ...key, sealed }), 'x'), undefined)
  const other = file({ kind: 'plain', seed: new Uint8Array(32).fill(4) })
  assert.equal(openKey(other), undefined, 'the seed is not that of the id')
  const whole = formatKeyFile(file(key))
  for (const wrong of ['', '{}', 'null', whole.slice(0, -10), whole.replace('scrypt', 'plain')]) {
    assert.equal(parseKeyFile(wrong), undefined, wrong.slice(0, 40))
  }
  assert.equal(parseKeyFile(whole.replace('"operator"', '"root"'))?.use, 'root')
  assert.equal(parseKeyFile(whole.replace('"credential"', '"other"')), undefined)
})
