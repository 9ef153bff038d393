/** People whose keys an ssh-agent holds: a small one of this test and, where there is one, the real one. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { sshKeyOf } from '../../protocol/identity/ssh-key.ts'
import { smallSshAgent } from '../cli/small-ssh-agent.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-ssh-'))
const env = { SKEIN_HOME: join(home, 'mesh'), XDG_CONFIG_HOME: join(home, 'config') }
const skein = (...args: string[]) => runSkeinIn(env, ...args)
const fileOf = (name: string) => join(home, name)

before(async () => {
  const { code, err } = await skein('up', '--nodes', '1', '--detach')
  assert.equal(code, exitCodes.done, err)
})

after(async () => {
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

async function actsAs(name: string, socket: string): Promise<void> {
  const key = ['--key-file', fileOf(`${name}.key`)]
  const withAgent = (...args: string[]) => runSkeinIn({ ...env, SSH_AUTH_SOCK: socket }, ...args)
  const status = await withAgent('status', ...key)
  assert.equal(status.code, exitCodes.done, status.err)
  const drained = await withAgent('nodes', 'drain', 'n1', '--yes', ...key)
  assert.equal(drained.code, exitCodes.done, drained.err)
  const back = await withAgent('nodes', 'undrain', 'n1', '--yes', ...key)
  assert.equal(back.code, exitCodes.done, back.err)
  const stopped = await withAgent('estop', '--yes', '--reason', 'by an ssh-agent', ...key)
  assert.equal(stopped.code, exitCodes.done, stopped.err)
  assert.match(stopped.out, /n1 +alive +done/)
  assert.equal((await skein('resume', '--yes', '--reason', 'seen')).code, exitCodes.done)
}

test('a key that an ssh-agent holds looks, acts and stops, and its file holds no secret', async () => {
  const signer = signerFromSeed(new Uint8Array(32).fill(61))
  const socket = fileOf('small.sock')
  const pub = `${sshKeyOf(signer.id)} ada@laptop`
  const added = await skein(
    'users',
    'add',
    'ada',
    '--role',
    'operator',
    '--public-key',
    pub,
    '--out',
    fileOf('ada.key'),
  )
  assert.equal(added.code, exitCodes.done, added.err)
  assert.match(added.err, /certificate of their own key/)
  assert.deepEqual(JSON.parse(readFileSync(fileOf('ada.key'), 'utf8')).key, { kind: 'agent' })
  const agent = await smallSshAgent(socket, signer)
  await actsAs('ada', socket)
  assert.ok(agent.asked >= 5)
  await agent.close()
})

test('the ssh-agent of this host does as well, where there is one', async (t) => {
  if (spawnSync('ssh-agent', ['-h']).error !== undefined) {
    t.diagnostic('no ssh-agent on this host: proven with the small one alone')
    return
  }
  const socket = fileOf('real.sock')
  execFileSync('ssh-keygen', [
    '-q',
    '-t',
    'ed25519',
    '-N',
    '',
    '-C',
    'grace',
    '-f',
    fileOf('grace'),
  ])
  const agent: ChildProcess = spawn('ssh-agent', ['-D', '-a', socket], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.after(async () => {
    agent.kill('SIGTERM')
    await once(agent, 'exit')
  })
  await once(agent.stdout!, 'data')
  execFileSync('ssh-add', ['-q', fileOf('grace')], {
    env: { ...process.env, SSH_AUTH_SOCK: socket },
  })
  const pub = ['--public-key', fileOf('grace.pub'), '--out', fileOf('grace.key')]
  const added = await skein('users', 'add', 'grace', '--role', 'operator', ...pub)
  assert.equal(added.code, exitCodes.done, added.err)
  await actsAs('grace', socket)
})

test('an ssh-agent that is not there, has not the key, or signs falsely is told of in one line', async () => {
  const signer = signerFromSeed(new Uint8Array(32).fill(62))
  const pub = ['--public-key', sshKeyOf(signer.id), '--out', fileOf('hedy.key')]
  assert.equal((await skein('users', 'add', 'hedy', '--role', 'viewer', ...pub)).code, 0)
  const told = async (socket: string, why: RegExp) => {
    const asked = await runSkeinIn(
      { ...env, SSH_AUTH_SOCK: socket },
      'status',
      '--key-file',
      fileOf('hedy.key'),
    )
    assert.equal(asked.code, exitCodes.refused, asked.err)
    assert.equal(asked.err.trim().split('\n').length, 1)
    assert.match(asked.err, why)
  }
  await told('', /\$SSH_AUTH_SOCK names none/)
  await told(fileOf('none.sock'), /cannot sign with the ssh-agent at .*ENOENT/)
  const others = await smallSshAgent(
    fileOf('others.sock'),
    signerFromSeed(new Uint8Array(32).fill(63)),
  )
  await told(others.path, /does not sign for hedy; add the key with ssh-add/)
  await others.close()
  const liar = await smallSshAgent(fileOf('liar.sock'), signer, Uint8Array.of(14, 0, 0, 0, 1, 7))
  await told(liar.path, /is no signature by that key/)
  await liar.close()
})

test('a person who had a key of ours may rotate to their own, and what is no such key is refused', async () => {
  const signer = signerFromSeed(new Uint8Array(32).fill(64))
  const first = fileOf('joan-1.key')
  assert.equal((await skein('users', 'add', 'joan', '--role', 'viewer', '--out', first)).code, 0)
  const own = ['--public-key', sshKeyOf(signer.id), '--out', fileOf('joan.key')]
  const rotated = await skein('users', 'rotate', 'joan', '--yes', ...own)
  assert.equal(rotated.code, exitCodes.done, rotated.err)
  assert.equal((await skein('status', '--key-file', first)).code, exitCodes.refused)
  const agent = await smallSshAgent(fileOf('joan.sock'), signer)
  const asJoan = { ...env, SSH_AUTH_SOCK: agent.path }
  const status = await runSkeinIn(asJoan, 'status', '--key-file', fileOf('joan.key'))
  assert.equal(status.code, exitCodes.done, status.err)
  await agent.close()
  writeFileSync(fileOf('rsa.pub'), 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB joan\n')
  for (const wrong of [fileOf('rsa.pub'), 'ssh-ed25519 AAAA', '/none']) {
    const refused = await skein(
      'users',
      'add',
      'x',
      '--role',
      'viewer',
      '--public-key',
      wrong,
      '--out',
      fileOf('x.key'),
    )
    assert.equal(refused.code, exitCodes.usage, wrong)
    assert.equal(refused.err.trim().split('\n').length, 1)
  }
})
