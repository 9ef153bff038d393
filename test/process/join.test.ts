/** Hosts that join a mesh by token: real agents on loopback, and the command line as people use it. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { formatJoinToken, parseJoinToken } from '../../protocol/joining/token.ts'
import { freePorts } from '../../simulations/bench/free-ports.ts'
import { lookIn } from './looking.ts'
import { type Ran, runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-join-'))
const launcher = fileURLToPath(new URL('../../coordinator/skein.js', import.meta.url))
const meshFolder = join(home, 'mesh')
const running = new Map<string, { child: ChildProcess; api: string }>()
const patienceMs = 60_000

const at = (name: string, ...path: string[]) => join(home, name, ...path)

/** As the first operator, at one of the agents. */
function skein(name: string, ...args: string[]): Promise<Ran> {
  return runSkeinIn({}, ...args, ...asFounder(name))
}

function look(name: string, ...args: string[]): Promise<Ran> {
  return lookIn({}, ...args, ...asFounder(name))
}

function asFounder(name: string): string[] {
  const api = running.get(name)?.api
  assert.ok(api, `${name} runs`)
  return ['--address', api, '--key-file', join(meshFolder, 'operator.key')]
}

async function start(name: string, config: string, ...args: string[]): Promise<void> {
  const [meshPort, apiPort] = await freePorts(2)
  const api = `127.0.0.1:${apiPort}`
  const listen = ['--network-listen', `/ip4/127.0.0.1/tcp/${meshPort}`, '--api-listen', api]
  const flags = ['agent', 'run', '--config', config, ...listen, '--no-network-mdns', ...args]
  const child = spawn(process.execPath, [launcher, ...flags], { stdio: 'ignore' })
  running.set(name, { child, api })
  await until(async () => (await look(name, 'status', '-q')).code === 0, `${name} answers`)
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const endMs = performance.now() + patienceMs
  while (!(await holds())) {
    assert.ok(performance.now() < endMs, what)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function tokenAt(name: string, ...flags: string[]): Promise<string> {
  const { code, out, err } = await skein(name, 'token', 'create', ...flags)
  assert.equal(code, exitCodes.done, err)
  assert.equal(out.trim().split('\n').length, 1, 'one line, and nothing else')
  return out.trim()
}

function joined(name: string, token: string, ...args: string[]): Promise<Ran> {
  mkdirSync(at(name), { recursive: true })
  const files = ['--config', at(name, 'agent.yaml'), '--data-directory', at(name, 'data')]
  return runSkeinIn({}, 'agent', 'join', token, ...files, '--name', name, ...args)
}

async function seesAlive(name: string, count: number): Promise<boolean> {
  const { out } = await look(name, '--json', 'status')
  return out !== '' && (JSON.parse(out) as { mesh: { alive: number } }).mesh.alive === count
}

async function votersAt(name: string): Promise<number> {
  const { out } = await look(name, '--json', 'status')
  const { ledger } = JSON.parse(out === '' ? '{}' : out) as { ledger?: { voters: string[] } }
  return ledger?.voters.length ?? 0
}

before(async () => {
  assert.equal((await runSkeinIn({}, 'init', '--dir', meshFolder, '--operator', 'ada')).code, 0)
  const founder = ['--data-directory', at('h1'), '--node-name', 'h1']
  await start('h1', join(meshFolder, 'agent.yaml'), ...founder)
})

after(async () => {
  const ends = [...running.values()].map(({ child }) => {
    child.kill('SIGKILL')
    return child.exitCode === null && child.signalCode === null
      ? new Promise((resolve) => child.once('exit', resolve))
      : undefined
  })
  await Promise.all(ends)
  rmSync(home, { recursive: true, force: true })
})

test('two hosts join by one token and run, and the mesh calls them what the token says', async () => {
  const flags = ['--role', 'coordinator', '--label', 'zone=north', '--uses', '2']
  const token = await tokenAt('h1', ...flags)
  for (const name of ['h2', 'h3']) {
    const { code, err } = await joined(name, token)
    assert.equal(code, exitCodes.done, err)
    assert.match(err, /start it with: skein agent run --config .*agent\.yaml/)
    for (const file of ['swarm.key', 'credential', 'identity.key']) {
      assert.equal(statSync(at(name, 'data', file)).mode & 0o777, 0o600, file)
    }
    await start(name, at(name, 'agent.yaml'))
  }
  await until(() => seesAlive('h3', 3), 'the third sees all three')
  const { out } = await skein('h3', '--json', 'nodes', 'show', 'h2')
  assert.deepEqual((JSON.parse(out) as { node: { labels: object } }).node.labels, { zone: 'north' })
  const spent = await joined('h4', token)
  assert.equal(spent.code, exitCodes.refused)
  assert.match(spent.err, /lets nobody in by this token: .*; make another with skein token create/)
  assert.ok(!existsSync(at('h4', 'agent.yaml')))
  const { out: listed } = await skein('h2', 'token', 'ls')
  assert.match(listed, /coordinator +0\/2 +spent .* ada +zone=north +h2 h3/)
})

test('a second run after a success changes nothing, and one after a crash in between ends well', async () => {
  const token = await tokenAt('h1')
  const config = at('h2', 'agent.yaml')
  const before = readFileSync(config, 'utf8')
  const again = await joined('h2', token)
  assert.equal(again.code, exitCodes.done, again.err)
  assert.match(again.err, /already, as h2; the token was not used/)
  assert.equal(readFileSync(config, 'utf8'), before)
  // The answer was lost: what came of it was never written.
  assert.equal((await joined('h5', token)).code, exitCodes.done)
  rmSync(at('h5', 'agent.yaml'))
  rmSync(at('h5', 'data', 'credential'))
  const second = await joined('h5', token)
  assert.equal(second.code, exitCodes.done, second.err)
  // And so does a host that has lost its certificate, or was away for longer than that is good.
  const kept = readFileSync(at('h5', 'agent.yaml'), 'utf8')
  rmSync(at('h5', 'data', 'credential'))
  assert.equal((await joined('h5', token)).code, exitCodes.done)
  assert.ok(existsSync(at('h5', 'data', 'credential')))
  assert.equal(readFileSync(at('h5', 'agent.yaml'), 'utf8'), kept)
  assert.match((await skein('h1', 'token', 'ls')).out, /agent +0\/1 +spent/)
})

test('whatever is wrong with a token or a host is told in one line, with what to do', async () => {
  const good = await tokenAt('h1')
  const parsed = parseJoinToken(good)
  assert.ok(parsed.ok)
  const { token } = parsed
  const [closed] = await freePorts(1)
  const cases: [string, Promise<Ran>, number, RegExp][] = [
    ['no token', joined('a', 'hello'), exitCodes.usage, /no join token; paste the line/],
    [
      'cut',
      joined('b', good.slice(0, -9)),
      exitCodes.usage,
      /cut or mistyped; copy the whole line/,
    ],
    [
      'expired',
      joined('c', formatJoinToken({ ...token, expiresMs: Date.now() - 1 })),
      exitCodes.refused,
      /was good until .*; make another/,
    ],
    [
      'another mesh',
      joined('d', formatJoinToken({ ...token, mesh: 'ab'.repeat(32) as typeof token.mesh })),
      exitCodes.refused,
      /is not of mesh abababababababab/,
    ],
    [
      'another swarm',
      joined('e', formatJoinToken({ ...token, swarmKey: new Uint8Array(32) })),
      exitCodes.noAnswer,
      /no agent of the token’s mesh can be reached/,
    ],
    [
      'nobody there',
      joined('f', formatJoinToken({ ...token, addresses: [`/ip4/127.0.0.1/tcp/${closed}`] })),
      exitCodes.noAnswer,
      /no agent of the token’s mesh can be reached: .*; see that this host reaches/,
    ],
    [
      'unknown',
      joined('g', formatJoinToken({ ...token, seed: new Uint8Array(32).fill(5) })),
      exitCodes.refused,
      /lets nobody in by this token/,
    ],
  ]
  for (const [what, ran, code, says] of cases) {
    const said = await ran
    assert.equal(said.code, code, `${what}: ${said.err}`)
    assert.match(said.err, says, what)
    assert.equal(said.err.trim().split('\n').length, 1, what)
    assert.equal(said.out, '', what)
  }
  const folder = await runSkeinIn({}, 'agent', 'join', good, '--config', at('none', 'agent.yaml'))
  assert.equal(folder.code, exitCodes.failed)
  assert.match(folder.err, /cannot write .*; name another place with --config/)
  mkdirSync(at('k'), { recursive: true })
  writeFileSync(at('k', 'agent.yaml'), `mesh: { id: ${'cd'.repeat(32)} }\n`)
  const other = await joined('k', good)
  assert.equal(other.code, exitCodes.conflict)
  assert.match(other.err, /exists, and is not of the mesh in the token; /)
  const listed = (await skein('h1', '--json', 'token', 'ls')).out
  assert.ok(listed.includes('"state":"good"'), 'none of these has used it')
})

test('a token that was taken back lets nobody in, and is named by the beginning of its id', async () => {
  const { out } = await skein('h2', '--json', 'token', 'create', '--ttl', '10m')
  const made = JSON.parse(out) as { text: string; token: { id: string } }
  const { code, err } = await skein('h3', 'token', 'revoke', made.token.id.slice(0, 10), '--yes')
  assert.equal(code, exitCodes.done, err)
  assert.equal((await joined('h6', made.text)).code, exitCodes.refused)
  assert.equal(
    (await skein('h3', 'token', 'revoke', made.token.id, '--yes')).code,
    exitCodes.conflict,
  )
  assert.equal((await skein('h3', 'token', 'revoke', 'zz', '--yes')).code, exitCodes.notFound)
  const log = await skein('h1', 'audit', 'ls')
  assert.match(log.out, /token [0-9a-f]{8} of ada +host\.join +h6 +revoked/)
})

test('with the first host gone, others let hosts in, and no token is on any disk', async () => {
  await until(async () => (await votersAt('h1')) === 3, 'three vote')
  await until(async () => {
    const { out } = await look('h1', '--json', 'health')
    const { checks } = JSON.parse(out) as { checks: { check: string; state: string }[] }
    return checks.some(({ check, state }) => check === 'letting in' && state === 'ok')
  }, 'the issuing key is safe with the others')
  const token = await tokenAt('h1')
  running.get('h1')?.child.kill('SIGKILL')
  await until(async () => (await joined('h7', token)).code === exitCodes.done, 'h7 is let in')
  await start('h7', at('h7', 'agent.yaml'))
  await until(() => seesAlive('h7', 3), 'it sees those that are left')
  const parsed = parseJoinToken(token)
  assert.ok(parsed.ok)
  const forms = [token, Buffer.from(parsed.token.seed)]
  for (const path of filesIn(home)) {
    const content = readFileSync(path)
    for (const form of forms) assert.ok(!content.includes(form), path)
  }
})

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesIn(path)
    else if (entry.isFile()) yield path
  }
}
