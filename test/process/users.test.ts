/** A real mesh and real key files: who is let in by the command line, and who is turned away. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
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

test('a profile keeps a key and goes before the local mesh while it is in use', async () => {
  await added('grace', 'approver')
  assert.equal((await skein('profile', 'add', 'prod', '--from', keyOf('grace'))).code, 0)
  assert.equal((await skein('profile', 'use', 'prod')).code, exitCodes.done)
  const refused = await skein('nodes', 'drain', 'n1')
  assert.match(refused.err, /grace may not do that/)
  assert.match((await skein('profile', 'ls')).out, /prod\* +grace/)
  assert.equal((await skein('profile', 'use', 'local')).code, exitCodes.done)
  assert.equal((await skein('profile', 'rm', 'prod', '--yes')).code, exitCodes.done)
  assert.equal((await skein('status', '--profile', 'prod')).code, exitCodes.notFound)
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
