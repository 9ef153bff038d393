import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatKeyFile, openKey, parseKeyFile } from '../../protocol/identity/key-file.ts'
import { peerIdFromPublicKey } from '../../protocol/identity/peer-id.ts'
import {
  peerIdInSshKey,
  signatureInSsh,
  sshKeyBlob,
  sshKeyOf,
  sshString,
} from '../../protocol/identity/ssh-key.ts'
import { ada, credentialOf, mesh } from './parties.ts'

test('a key is written as ssh-keygen writes it', () => {
  // The key of a seed of zeros, in both forms; ssh-keygen -l reads the line.
  const line =
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop ada@laptop'
  const raw = '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29'
  const id = peerIdFromPublicKey(new Uint8Array(Buffer.from(raw, 'hex')))
  assert.equal(peerIdInSshKey(line), id)
  assert.equal(`${sshKeyOf(id)} ada@laptop`, line)
})

test('every key is read back, with and without a comment', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.string(), (raw, comment) => {
      const id = peerIdFromPublicKey(raw)
      assert.equal(peerIdInSshKey(sshKeyOf(id)), id)
      const line = `${sshKeyOf(id)} ${comment}`
      assert.equal(peerIdInSshKey(line), line.length <= 1_024 ? id : undefined)
    }),
  )
})

test('what is no such key, or only nearly one, is none', () => {
  const [type = '', text = ''] = sshKeyOf(ada.id).split(' ')
  const other = Buffer.from(sshKeyBlob(ada.id))
  const wrong = [
    '',
    type,
    text,
    `ssh-rsa ${text}`,
    `${type} ${text.slice(0, -4)}`,
    `${type} ${text}AAAA`,
    `${type} ${text.slice(0, -1)}*`,
    `${type} ${Buffer.concat([other, Buffer.of(0)]).toString('base64')}`,
    `${type} ${Buffer.concat([sshString(Buffer.from('ssh-ed448')), other.subarray(15)]).toString('base64')}`,
  ]
  for (const line of wrong) assert.equal(peerIdInSshKey(line), undefined, line)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      assert.equal(signatureInSsh(bytes), undefined)
    }),
  )
})

test('a key file may say that an ssh-agent has the key, of a person and of nobody else', () => {
  const key = { kind: 'agent' } as const
  const whole = { mesh, name: 'ada', id: ada.id, key, credential: credentialOf(ada) }
  const read = parseKeyFile(formatKeyFile({ use: 'operator', ...whole }))
  assert.deepEqual(read?.key, key)
  assert.equal(read && openKey(read), undefined)
  assert.equal(parseKeyFile(formatKeyFile({ use: 'issuer', ...whole })), undefined)
  const root = formatKeyFile({ use: 'root', ...whole, credential: undefined })
  assert.equal(parseKeyFile(root), undefined)
})
