/**
 * The issuing key is replaced by somebody whose own key an ssh-agent holds, with a root key that lies
 * elsewhere under a passphrase.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { KeyList } from '../../coordinator/api/key-routes.ts'
import { lockedBy, readIssuer } from '../../coordinator/host/mesh-keys.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { grantIn } from '../../protocol/identity/certificate.ts'
import { formatKeyFile, parseKeyFile } from '../../protocol/identity/key-file.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { sshKeyOf } from '../../protocol/identity/ssh-key.ts'
import { smallSshAgent } from '../cli/small-ssh-agent.ts'
import { runSkeinIn } from './skein.ts'

const PASSPHRASE = 'the geese fly south'
const home = mkdtempSync(join(tmpdir(), 'skein-sealed-'))
const env = { SKEIN_HOME: join(home, 'mesh'), XDG_CONFIG_HOME: join(home, 'config') }
const skein = (...args: string[]) => runSkeinIn(env, ...args)
const fileOf = (name: string) => join(home, name)
const root = fileOf('root.key')
const issuer = join(env.SKEIN_HOME, 'issuer.key')
const serialNow = () => grantIn(readIssuer(issuer).certificate)?.serial

/** The root key is put under a passphrase, as `skein init --passphrase-file` does, and leaves its place. */
function sealRoot(): void {
  const open = join(env.SKEIN_HOME, 'root.key')
  const key = parseKeyFile(readFileSync(open, 'utf8'))
  assert.ok(key?.key.kind === 'plain')
  const sealed = lockedBy(PASSPHRASE)('root', key.key.seed)
  writeFileSync(root, formatKeyFile({ ...key, key: sealed }), { mode: 0o600 })
  rmSync(open)
}

before(async () => {
  const { code, err } = await skein('up', '--nodes', '1', '--detach')
  assert.equal(code, exitCodes.done, err)
  writeFileSync(fileOf('right'), `${PASSPHRASE}\n`, { mode: 0o600 })
  writeFileSync(fileOf('wrong'), 'the geese fly north\n', { mode: 0o600 })
})

after(async () => {
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

test('with a sealed root key and an ssh-agent the issuing key is rotated, and with neither is anything touched', async () => {
  const signer = signerFromSeed(new Uint8Array(32).fill(67))
  const pub = ['--public-key', sshKeyOf(signer.id), '--out', fileOf('ada.key')]
  const added = await skein('users', 'add', 'ada', '--role', 'master', ...pub)
  assert.equal(added.code, exitCodes.done, added.err)
  sealRoot()
  const ada = await smallSshAgent(fileOf('ada.sock'), signer)
  const rotate = (socket: string, ...more: string[]) =>
    runSkeinIn(
      { ...env, SSH_AUTH_SOCK: socket },
      ...['keys', 'rotate', 'issuing', '--yes', '--key-file', fileOf('ada.key')],
      ...['--root-key', root, '--out', issuer],
      ...more,
    )
  const before = serialNow()
  const right = ['--root-passphrase-file', fileOf('right')]
  const wrong = ['--root-passphrase-file', fileOf('wrong')]
  const untold = await rotate(ada.path)
  assert.equal(untold.code, exitCodes.usage, untold.err)
  assert.match(untold.err, /it has a passphrase.*--root-passphrase-file/s)
  const mistaken = await rotate(ada.path, ...wrong)
  assert.equal(mistaken.code, exitCodes.usage, mistaken.err)
  assert.match(mistaken.err, /that is not its passphrase.*--root-passphrase-file/s)
  const alone = await rotate(fileOf('none.sock'), ...right)
  assert.equal(alone.code, exitCodes.refused, alone.err)
  assert.match(alone.err, /cannot sign with the ssh-agent/)
  assert.equal(serialNow(), before)

  // The first person of the mesh hangs on the key before, until they sign in.
  const rotated = await rotate(ada.path, ...right)
  assert.ok([exitCodes.done, exitCodes.partly].includes(rotated.code as never), rotated.err)
  assert.notEqual(serialNow(), before)
  assert.ok(!existsSync(`${issuer}.new`))
  assert.ok(ada.asked > 0)
  const listed = await runSkeinIn(
    { ...env, SSH_AUTH_SOCK: ada.path },
    ...['keys', 'ls', '--json', '--key-file', fileOf('ada.key')],
  )
  assert.equal(listed.code, exitCodes.done, listed.err)
  const { issuers } = KeyList.parse(JSON.parse(listed.out))
  const now = issuers.find(({ serial }) => serial === serialNow())
  assert.equal(now?.hosts.length, 1, 'the host is certified by the new key')
  for (const file of [root, issuer, fileOf('ada.key')])
    assert.ok(!readFileSync(file, 'utf8').includes(PASSPHRASE))
  assert.equal(parseKeyFile(readFileSync(root, 'utf8'))?.key.kind, 'scrypt')
  await ada.close()
})
