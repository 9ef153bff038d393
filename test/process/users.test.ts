/** A real mesh and real key files: who is let in by the command line, and who is turned away. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-users-'))
const env = { SKEIN_HOME: join(home, 'mesh'), XDG_CONFIG_HOME: join(home, 'config') }
const skein = (...args: string[]) => runSkeinIn(env, ...args)
const keyOf = (name: string) => join(home, `${name}.key`)

before(async () => {
  const { code, err } = await skein('up', '--nodes', '1', '--detach')
  assert.equal(code, exitCodes.done, err)
})

after(async () => {
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

async function added(name: string, role: string): Promise<void> {
  const { code, err } = await skein('users', 'add', name, '--role', role, '--out', keyOf(name))
  assert.equal(code, exitCodes.done, err)
  assert.equal(statSync(keyOf(name)).mode & 0o777, 0o600)
}

test('a viewer looks and does not act, and is told which role it takes', async () => {
  await added('vic', 'viewer')
  const asVic = ['--key-file', keyOf('vic')]
  assert.equal((await skein('status', ...asVic)).code, exitCodes.done)
  const drained = await skein('nodes', 'drain', 'n1', ...asVic)
  assert.equal(drained.code, exitCodes.refused)
  assert.match(drained.err, /vic may not do that: node.drain takes the role operator/)
  const can = await skein('users', 'can', 'vic', 'node.drain', 'n1')
  assert.equal(can.code, exitCodes.refused)
  assert.match(can.out, /^no: vic/)
  const log = await skein('audit', 'ls', '--json', '--actor', 'vic')
  assert.equal(log.code, exitCodes.done, log.err)
})

test('a profile goes before the local mesh while it is in use, and not where it is said which is meant', async () => {
  await added('grace', 'approver')
  const { address } = JSON.parse(readFileSync(join(env.SKEIN_HOME, 'mesh.json'), 'utf8'))
  const kept = ['profile', 'add', 'prod', '--from', keyOf('grace'), '--at', String(address)]
  assert.equal((await skein(...kept)).code, exitCodes.done)
  const used = await skein('profile', 'use', 'prod')
  assert.equal(used.code, exitCodes.done)
  assert.match(used.err, /in this shell they do: \$SKEIN_HOME is set/)
  const anywhere = { ...env, SKEIN_HOME: '' }
  const refused = await runSkeinIn(anywhere, 'nodes', 'drain', 'n1')
  assert.match(refused.err, /grace may not do that/)
  assert.match((await runSkeinIn(anywhere, 'profile', 'ls')).out, /prod\* +grace/)
  assert.match((await skein('profile', 'ls')).out, /local\*/)
  assert.match((await skein('nodes', 'drain', 'n1', '--profile', 'prod')).err, /grace may not/)
  // A profile holds no issuing key, and nobody is told to put one there.
  const adding = await skein('users', 'add', 'x', '--role', 'viewer', '--profile', 'prod')
  assert.equal(adding.code, exitCodes.usage)
  assert.match(adding.err, /issuer.key: there is no such file; name the issuing key .* --issuer/)
  assert.equal((await skein('profile', 'use', 'local')).code, exitCodes.done)
  assert.equal((await skein('profile', 'rm', 'prod', '--yes')).code, exitCodes.done)
  assert.equal((await skein('status', '--profile', 'prod')).code, exitCodes.notFound)
})

test('a key may be made under a passphrase without a terminal, and so may its issuer’s be opened', async () => {
  const [right, wrong] = ['right', 'wrong'].map((name) => {
    const file = join(home, name)
    writeFileSync(file, `${name} horse\n`)
    return file
  }) as [string, string]
  const sealed = ['users', 'add', 'joan', '--role', 'viewer', '--out', keyOf('joan')]
  assert.equal((await skein(...sealed, '--new-passphrase-file', right)).code, exitCodes.done)
  const asJoan = ['status', '--key-file', keyOf('joan')]
  assert.match((await skein(...asJoan)).err, /has a passphrase; name a file/)
  assert.match((await skein(...asJoan, '--passphrase-file', wrong)).err, /not the passphrase/)
  assert.equal((await skein(...asJoan, '--passphrase-file', right)).code, exitCodes.done)
  // With a root key under a passphrase, of another mesh: it is opened, and then not the right one.
  const other = join(home, 'sealed')
  const made = await skein('init', '--dir', other, '--passphrase-file', right)
  assert.equal(made.code, exitCodes.done, made.err)
  const master = ['users', 'add', 'mary', '--role', 'master', '--issuer', join(other, 'root.key')]
  const out = ['--out', keyOf('mary')]
  assert.match((await skein(...master, ...out)).err, /it has a passphrase; .*--issuer-passphrase-f/)
  const said = await skein(...master, ...out, '--issuer-passphrase-file', wrong)
  assert.match(said.err, /that is not its passphrase/)
  const foreign = await skein(...master, ...out, '--issuer-passphrase-file', right)
  assert.equal(foreign.code, exitCodes.usage)
  assert.match(foreign.err, /is of mesh [0-9a-f]{16}, and you sign in to [0-9a-f]{16}; name/)
  const issuer = join(env.SKEIN_HOME, 'issuer.key')
  const weak = await skein('users', 'add', 'mary', '--role', 'master', '--issuer', issuer, ...out)
  assert.equal(weak.code, exitCodes.usage)
  assert.match(weak.err, /masters are certified by the root key alone/)
  const nobody = await skein('users', 'add', '', '--role', 'viewer', ...out)
  assert.equal(nobody.code, exitCodes.usage)
  assert.match(nobody.err, /nobody can be called "": it is empty; take a name/)
})

test('whoever starts a run is told that somebody else approves it, and they can', async () => {
  await added('rose', 'approver')
  const file = join(home, 'asks.yaml')
  const stages = 'stages:\n  ask: { approve: { timeout: 1h } }\n'
  writeFileSync(file, `apiVersion: skein/v1\nkind: Workflow\nname: asks\n${stages}`)
  const { code, err } = await skein('run', file, '--no-wait')
  assert.equal(code, exitCodes.waiting, err)
  assert.match(err, /waits for an approval by somebody else than \S+: skein approve \w+\n/)
  const own = await skein('approve', '@latest')
  assert.equal(own.code, exitCodes.refused)
  assert.match(own.err, /has started the run; let somebody else decide/)
  // What was refused stands in the log with why, and beside it who did it in the end.
  assert.equal((await skein('approve', '@latest', '--key-file', keyOf('rose'))).code, 0)
  const { out } = await skein('audit', 'ls', '--verb', 'run.vote', '--json')
  const { entries } = JSON.parse(out) as { entries: { outcome: string; detail?: string }[] }
  const told = entries.map(({ outcome, detail = '' }) => `${outcome} ${detail}`)
  assert.equal(told.length, 2, out)
  assert.ok(
    told.some((entry) => /^refused \S+ has started the run$/.test(entry)),
    out,
  )
})

test('a rotated key and a revoked person are turned away, with one line', async () => {
  await added('hedy', 'operator')
  const again = join(home, 'hedy-2.key')
  const rotated = await skein('users', 'rotate', 'hedy', '--yes', '--out', again)
  assert.equal(rotated.code, exitCodes.done, rotated.err)
  const old = await skein('status', '--key-file', keyOf('hedy'))
  assert.equal(old.code, exitCodes.refused)
  assert.equal(old.err.trim().split('\n').length, 1)
  assert.equal((await skein('status', '--key-file', again)).code, exitCodes.done)
  assert.equal((await skein('users', 'revoke', 'hedy', '--yes')).code, exitCodes.done)
  assert.equal((await skein('status', '--key-file', again)).code, exitCodes.refused)
})

test('a key that cannot be used is named, with what to do', async () => {
  const root = await skein('status', '--key-file', join(env.SKEIN_HOME, 'root.key'))
  assert.equal(root.code, exitCodes.refused)
  assert.match(root.err, /it is the root key of a mesh/)
  await added('open', 'viewer')
  chmodSync(keyOf('open'), 0o644)
  const open = await skein('status', '--key-file', keyOf('open'))
  assert.match(open.err, /others on this host may read it/)
  const none = await skein('status', '--key-file', '/none')
  assert.match(none.err, /there is no such file/)
  const other = mkdtempSync(join(home, 'other-'))
  assert.equal((await skein('init', '--dir', join(other, 'm'))).code, exitCodes.done)
  const foreign = await skein('status', '--key-file', join(other, 'm', 'operator.key'))
  assert.equal(foreign.code, exitCodes.refused)
  assert.match(foreign.err, /the agent is of mesh [0-9a-f]{16}, and the key in .* is of mesh/)
})
