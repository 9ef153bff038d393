/** A host that is away while the swarm key is rotated: waited for, left behind, and let in again. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { NodeList, Status } from '../../coordinator/api/schemas.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { freePorts } from '../../simulations/bench/free-ports.ts'
import { lookIn } from './looking.ts'
import { type Ran, runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-rotate-away-'))
const launcher = fileURLToPath(new URL('../../coordinator/skein.js', import.meta.url))
const meshFolder = join(home, 'mesh')
const ports = new Map<string, { mesh: number; api: number }>()
const running = new Map<string, ChildProcess>()

const at = (name: string, ...path: string[]) => join(home, name, ...path)

/** As the first operator, at one of the agents. */
function skein(name: string, ...args: string[]): Promise<Ran> {
  return runSkeinIn({}, ...args, ...asFounder(name))
}

function look(name: string, ...args: string[]): Promise<Ran> {
  return lookIn({}, ...args, ...asFounder(name))
}

function asFounder(name: string): string[] {
  const address = `127.0.0.1:${ports.get(name)?.api}`
  return ['--address', address, '--key-file', join(meshFolder, 'operator.key')]
}

/** Always at the same ports, as a host is. */
async function start(name: string): Promise<void> {
  const [mesh = 0, api = 0] = ports.has(name) ? [] : await freePorts(2)
  const own = ports.get(name) ?? { mesh, api }
  ports.set(name, own)
  const config = name === 'h1' ? join(meshFolder, 'agent.yaml') : at(name, 'agent.yaml')
  const founder = name === 'h1' ? ['--data-directory', at('h1'), '--node-name', 'h1'] : []
  const listen = [`--network-listen`, `/ip4/127.0.0.1/tcp/${own.mesh}`]
  const flags = ['agent', 'run', '--config', config, ...founder, ...listen, '--no-network-mdns']
  const args = [launcher, ...flags, '--api-listen', `127.0.0.1:${own.api}`]
  running.set(name, spawn(process.execPath, args, { stdio: 'ignore' }))
  await until(`${name} answers`, async () => (await look(name, 'status', '-q')).code === 0)
}

async function kill(name: string): Promise<void> {
  const child = running.get(name)
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 120_000
  while (!(await holds())) {
    assert.ok(performance.now() < endMs, what)
    await sleep(100)
  }
}

async function joined(name: string): Promise<Ran> {
  // One of them has no part in the ledger.
  const role = name === 'h4' ? 'agent' : 'coordinator'
  const { out } = await skein('h1', 'token', 'create', '--role', role)
  mkdirSync(at(name), { recursive: true })
  const files = ['--config', at(name, 'agent.yaml'), '--data-directory', at(name, 'data')]
  return runSkeinIn({}, 'agent', 'join', out.trim(), ...files, '--name', name)
}

async function aliveAt(name: string): Promise<number> {
  const { out } = await look(name, 'status', '--json')
  const read = Status.safeParse(out === '' ? undefined : JSON.parse(out))
  return read.success ? read.data.mesh.alive : -1
}

async function stateOf(name: string): Promise<string | undefined> {
  const { out } = await look('h1', 'nodes', 'ls', '--json')
  const read = NodeList.safeParse(out === '' ? undefined : JSON.parse(out))
  return read.success ? read.data.nodes.find((node) => node.name === name)?.state : undefined
}

before(async () => {
  assert.equal((await runSkeinIn({}, 'init', '--dir', meshFolder, '--operator', 'ada')).code, 0)
  await start('h1')
  for (const name of ['h2', 'h3', 'h4']) {
    const { code, err } = await joined(name)
    assert.equal(code, exitCodes.done, err)
    await start(name)
  }
  await until('all are there', async () => (await aliveAt('h4')) === 4)
})

after(async () => {
  for (const name of running.keys()) await kill(name)
  rmSync(home, { recursive: true, force: true })
})

test('a host that is away is named and waited for, and comes along when it is back', async () => {
  await kill('h4')
  await until('it is missed', async () => (await stateOf('h4')) === 'dead')
  const rotated = await skein('h1', 'keys', 'rotate', 'swarm', '--yes')
  assert.equal(rotated.code, exitCodes.partly, rotated.err)
  assert.match(rotated.err, /waiting for h4; the old key is taken until then/)
  assert.match(rotated.err, /skein keys rotate swarm --finish/)
  assert.match((await skein('h2', 'keys', 'ls')).out, /h4 +away +not heard of yet/)
  const again = await skein('h1', 'keys', 'rotate', 'swarm', '--yes')
  assert.equal(again.code, exitCodes.conflict)
  await start('h4')
  await until('it is met', async () => (await aliveAt('h4')) === 4)
  const key = () => readFileSync(at('h4', 'data', 'swarm.key'), 'utf8')
  await until(
    'it has the new key',
    async () => key() === readFileSync(join(meshFolder, 'swarm.key'), 'utf8'),
  )
  await until('it is over', async () => !/rotated by/.test((await look('h1', 'keys', 'ls')).out))
})

test('a host that is not waited for stays out, says why, and comes back by a new token', async () => {
  const copy = join(meshFolder, 'swarm.key')
  const before = readFileSync(copy, 'utf8')
  await kill('h4')
  await until('it is missed', async () => (await stateOf('h4')) === 'dead')
  const rotated = await skein('h1', 'keys', 'rotate', 'swarm', '--yes')
  assert.equal(rotated.code, exitCodes.partly, rotated.err)
  const unsure = await skein('h1', 'keys', 'rotate', 'swarm', '--finish')
  assert.equal(unsure.code, exitCodes.refused)
  assert.match(unsure.err, /shut out, because they have not the new one: h4/)
  const finished = await skein('h1', 'keys', 'rotate', 'swarm', '--finish', '--yes')
  assert.equal(finished.code, exitCodes.partly, finished.err)
  assert.match(finished.err, /not heard of: h4\. .*skein agent join/)
  assert.notEqual(readFileSync(copy, 'utf8'), before)
  assert.equal(readFileSync(at('h2', 'data', 'swarm.key'), 'utf8'), readFileSync(copy, 'utf8'))
  await start('h4')
  await until('it says why', async () =>
    /swarm key.* rotated meanwhile, skein agent join/.test((await look('h4', 'health')).out),
  )
  assert.equal(await aliveAt('h4'), 1)
  assert.equal(await stateOf('h4'), 'dead')
  await kill('h4')
  const { code, err } = await joined('h4')
  assert.equal(code, exitCodes.done, err)
  assert.match(err, /already, as h4; the token was not used/)
  await start('h4')
  await until('it is met', async () => (await aliveAt('h4')) === 4)
  await until('it is over', async () => !/rotated by/.test((await look('h1', 'keys', 'ls')).out))
})
