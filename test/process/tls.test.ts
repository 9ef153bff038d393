/** An agent that listens beyond loopback, as a process, and the command line that asks it. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Health } from '../../coordinator/api/schemas.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { plainCertificate } from '../api/plain-certificate.ts'
import { runSkeinIn } from './skein.ts'

const launcher = fileURLToPath(new URL('../../coordinator/skein.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'skein-tls-'))
const env = { SKEIN_HOME: join(home, 'nothing'), XDG_CONFIG_HOME: join(home, 'config') }
const skein = (...args: string[]) => runSkeinIn(env, ...args)
const mesh = join(home, 'mesh')
const config = join(mesh, 'agent.yaml')
const key = ['--key-file', join(mesh, 'operator.key')]
let agent: ChildProcess
let port = 0

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: free } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return free
}

/** Resolves when it answers; its last words are the error if it does not. */
async function start(): Promise<void> {
  const args = ['agent', 'run', '--config', config, '--api-listen', `0.0.0.0:${port}`]
  agent = spawn(process.execPath, [launcher, ...args], {
    env: { ...process.env, ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said: string[] = []
  for await (const line of createInterface({ input: agent.stderr! })) {
    said.push(line)
    // Of the agent: each of its parts says, before, that it is ready.
    const { component, msg } = JSON.parse(line) as { component?: string; msg: string }
    if (component === 'agent' && msg === 'ready') return
  }
  assert.fail(said.join('\n'))
}

async function stop(): Promise<void> {
  if (agent.exitCode !== null) return
  agent.kill('SIGTERM')
  await once(agent, 'exit')
}

before(async () => {
  const made = await skein('init', '--dir', mesh)
  assert.equal(made.code, 0, made.err)
  const data = `dataDirectory: ${join(home, 'data')}\n`
  appendFileSync(config, `${data}node: { name: n1 }\n`)
  port = await freePort()
  await start()
})

after(async () => {
  await stop()
  rmSync(home, { recursive: true, force: true })
})

test('its people reach an agent under TLS with nothing but their key', async () => {
  const status = await skein('status', ...key, '--address', `https://127.0.0.1:${port}`)
  assert.equal(status.code, exitCodes.done, status.err)
  const guessed = await skein('status', ...key, '--address', `127.0.0.1:${port}`)
  assert.equal(guessed.code, exitCodes.done, guessed.err)
  const labelled = await skein(
    'nodes',
    'label',
    'n1',
    'zone=a',
    ...key,
    '--address',
    `127.0.0.1:${port}`,
  )
  assert.equal(labelled.code, exitCodes.done, labelled.err)
  const profile = ['--from', key[1]!, '--at', `https://127.0.0.1:${port}`]
  assert.equal((await skein('profile', 'add', 'far', ...profile)).code, exitCodes.done)
  // Where others want the cores too an agent is late, and says so: that is for it to judge.
  const health = await skein('health', '--profile', 'far', '--json')
  const { state, checks } = JSON.parse(health.out) as Health
  assert.equal(health.code, state === 'ok' ? exitCodes.done : exitCodes.failed, health.err)
  assert.ok(checks.some(({ check }) => check === 'node n1'))
})

test('whoever has a key of another mesh sends that agent nothing, and is told why', async () => {
  const other = join(home, 'other')
  assert.equal((await skein('init', '--dir', other)).code, 0)
  const foreign = join(other, 'operator.key')
  const asked = await skein(
    'status',
    '--key-file',
    foreign,
    '--address',
    `https://127.0.0.1:${port}`,
  )
  assert.equal(asked.code, exitCodes.refused)
  assert.match(
    asked.err,
    /is not known as a host of mesh [0-9a-f]{16}: it is of another mesh; nothing was sent; /,
  )
  assert.equal(asked.err.trim().split('\n').length, 1)
})

test('an operator’s own certificate is shown, and believed by who trusts its authority', async () => {
  await stop()
  const names = { dns: 'localhost', ip4: '127.0.0.1' }
  const given = plainCertificate(new Uint8Array(32).fill(7), names)
  const file = join(home, 'cert.pem')
  const secret = join(home, 'key.pem')
  writeFileSync(file, given.certificate)
  writeFileSync(secret, given.key, { mode: 0o600 })
  appendFileSync(config, `api: { tlsCertificateFile: ${file}, tlsKeyFile: ${secret} }\n`)
  await start()
  const asked = ['status', ...key, '--address', `https://localhost:${port}`]
  const unknown = await skein(...asked)
  assert.equal(unknown.code, exitCodes.refused)
  assert.match(unknown.err, /NODE_EXTRA_CA_CERTS/)
  const known = await runSkeinIn({ ...env, NODE_EXTRA_CA_CERTS: file }, ...asked)
  assert.equal(known.code, exitCodes.done, known.err)
})
