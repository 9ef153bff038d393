/** A mesh made of files, as a person makes it, and the first hosts that come of them. */
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { trustIn } from '../../coordinator/host/peer-files.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { believe } from '../../protocol/identity/credential.ts'
import { openKey, parseKeyFile } from '../../protocol/identity/key-file.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { sshKeyOf } from '../../protocol/identity/ssh-key.ts'
import { runSkein, runSkeinAt } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-test-'))
after(() => rmSync(home, { recursive: true, force: true }))

function keyIn(folder: string, name: string) {
  const file = parseKeyFile(readFileSync(join(folder, name), 'utf8'))
  assert.ok(file, `${name} is a key file`)
  return file
}

test('init makes the keys of a mesh for their owner alone, and none of them twice', async () => {
  const folder = join(home, 'plain')
  const { code, err } = await runSkein('init', '--dir', folder, '--operator', 'ada')
  assert.equal(code, 0, err)
  for (const word of ['offline', 'root.key', 'issuer.key', 'operator.key', 'agent run']) {
    assert.ok(err.includes(word), `it tells of ${word}`)
  }
  const files = readdirSync(folder).sort()
  const names = ['agent.yaml', 'founder', 'issuer.key', 'operator.key', 'root.key', 'swarm.key']
  assert.deepEqual(files, names)
  for (const name of files) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name)
  const root = keyIn(folder, 'root.key')
  const operator = keyIn(folder, 'operator.key')
  const believed = believe(operator.credential!, trustIn(root.mesh), Date.now())
  assert.ok(believed.ok)
  assert.deepEqual([believed.holder.name, believed.holder.roles], ['ada', ['master']])
  const before = names.map((name) => readFileSync(join(folder, name), 'utf8'))
  const again = await runSkein('init', '--dir', folder)
  assert.equal(again.code, exitCodes.conflict)
  assert.match(again.err, /exists, .*--dir/)
  assert.deepEqual(
    names.map((name) => readFileSync(join(folder, name), 'utf8')),
    before,
  )
})

test('what nobody can be called is refused before anything is made', async () => {
  const folder = join(home, 'nameless')
  const { code, err } = await runSkein('init', '--dir', folder, '--operator', '')
  assert.equal(code, exitCodes.usage)
  assert.match(err, /nobody can be called "": it is empty; name the first operator with --operator/)
  assert.ok(!existsSync(folder))
})

test('where nobody says where to, keys go into a folder of their own, which is named', async () => {
  const folder = mkdtempSync(join(home, 'here-'))
  const { code, err } = await runSkeinAt(folder, {}, 'init')
  assert.equal(code, 0, err)
  assert.deepEqual(readdirSync(folder), ['skein-mesh'])
  assert.ok(err.includes(`in ${join(folder, 'skein-mesh')}\n`), err)
  assert.equal(statSync(join(folder, 'skein-mesh')).mode & 0o777, 0o700)
})

test('the first operator may keep their key in an ssh-agent', async () => {
  const folder = join(home, 'own')
  const ssh = sshKeyOf(signerFromSeed(new Uint8Array(32).fill(65)).id)
  const { code, err } = await runSkein('init', '--dir', folder, '--public-key', `${ssh} ada@laptop`)
  assert.equal(code, 0, err)
  const operator = keyIn(folder, 'operator.key')
  assert.deepEqual(operator.key, { kind: 'agent' })
  assert.match(err, /a master \(whose ssh-agent has the key\)/)
  const believed = believe(operator.credential!, trustIn(operator.mesh), Date.now())
  assert.ok(believed.ok && sshKeyOf(believed.holder.subject) === ssh)
  assert.deepEqual(believed.holder.roles, ['master'])
  const wrong = await runSkein('init', '--dir', join(home, 'rsa'), '--public-key', 'ssh-rsa AAAA')
  assert.equal(wrong.code, exitCodes.usage)
  assert.match(wrong.err, /no Ed25519 key as SSH writes it; make one with ssh-keygen/)
})

test('a passphrase protects the keys of people, and not the one that hosts must use alone', async () => {
  const folder = join(home, 'sealed')
  const file = join(home, 'passphrase')
  writeFileSync(file, 'correct horse\nnot this line\n')
  const { code, err } = await runSkein('init', '--dir', folder, '--passphrase-file', file)
  assert.equal(code, 0, err)
  for (const name of ['root.key', 'operator.key']) {
    const sealed = keyIn(folder, name)
    assert.equal(openKey(sealed), undefined)
    assert.equal(openKey(sealed, 'correct hors'), undefined)
    assert.equal(openKey(sealed, 'correct horse')?.id, sealed.id)
  }
  const issuer = keyIn(folder, 'issuer.key')
  assert.equal(openKey(issuer)?.id, issuer.id)
  const missing = await runSkein('init', '--dir', join(home, 'no'), '--passphrase-file', '/none')
  assert.equal(missing.code, exitCodes.usage)
  assert.match(missing.err, /passphrase from \/none: there is no such file; /)
})
