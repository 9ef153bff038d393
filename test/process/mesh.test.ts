/** What only real processes can show: agents found, killed, paused, asked and refused. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Secrets } from '../../agent/ports/secrets.ts'
import * as schemas from '../../coordinator/api/schemas.ts'
import { lockedBy, readIssuer, writeMeshKeys } from '../../coordinator/host/mesh-keys.ts'
import { equipPeer, keepCredential } from '../../coordinator/host/peer-files.ts'
import { keyFileNames } from '../../protocol/identity/key-file.ts'
import { formatSwarmKey } from '../../protocol/identity/swarm-key.ts'
import { type MeshFile, processStart } from '../../simulations/mesh/layout.ts'
import { lookIn } from './looking.ts'
import { runSkeinIn } from './skein.ts'

const launcher = fileURLToPath(new URL('../../coordinator/skein.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'skein-test-'))
const WAIT_MS = 120_000

const skein = (...args: string[]) => runSkeinIn({ SKEIN_HOME: home }, ...args)

const meshFile = (): MeshFile => JSON.parse(readFileSync(join(home, 'mesh.json'), 'utf8'))
const nodeNamed = (name: string) => {
  const node = meshFile().nodes.find((each) => each.name === name)
  assert.ok(node)
  return node
}

/** Asks until it holds; says what was seen when it never does. */
async function until<T>(
  ask: () => Promise<T>,
  holds: (seen: T) => boolean,
  what: string,
): Promise<T> {
  const deadline = performance.now() + WAIT_MS
  for (;;) {
    const seen = await ask()
    if (holds(seen)) return seen
    assert.ok(performance.now() < deadline, `${what}; last seen: ${JSON.stringify(seen)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function nodes(): Promise<schemas.Node[]> {
  const { code, out, err } = await lookIn({ SKEIN_HOME: home }, 'nodes', 'ls', '--json')
  assert.equal(code, 0, err)
  return schemas.NodeList.parse(JSON.parse(out)).nodes
}

const stateOf = (name: string) => (seen: schemas.Node[]) =>
  seen.find((node) => node.name === name)?.state
const kindsOf = (out: string, name: string) =>
  out
    .trim()
    .split('\n')
    .map((line) => schemas.MeshEvent.parse(JSON.parse(line)))
    .filter((event) => event.name === name)
    .map(({ kind }) => kind)

before(async () => {
  const { code, err } = await skein('up', '--nodes', '3', '--detach')
  assert.equal(code, 0, err)
})
after(async () => {
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

test('a mesh that is up answers every question, and each answer fits its schema', async () => {
  const status = await skein('status', '--json')
  const { mesh } = schemas.Status.parse(JSON.parse(status.out))
  assert.deepEqual([mesh.alive, mesh.dead], [3, 0])
  const shown = await skein('nodes', 'show', 'n2', '--json')
  assert.equal(shown.code, 0, shown.err)
  const detail = schemas.NodeDetail.parse(JSON.parse(shown.out))
  assert.equal(detail.node.name, 'n2')
  assert.ok(detail.sample, 'n2 was asked, over the mesh, and answered for itself')
  assert.ok((detail.sample?.memoryTotalBytes ?? 0) > 0)
  const health = await skein('health', '--json')
  schemas.Health.parse(JSON.parse(health.out))
  const top = await skein('top')
  assert.match(top.out, /n1\*.*alive/)
})

test('a second `up` is refused while the first runs', async () => {
  const { code, err } = await skein('up', '--nodes', '3', '--detach')
  assert.equal(code, 9)
  assert.match(err, /a mesh of 3 runs/)
})

test('an agent that is killed is called suspect, then dead, and is met again when it is back', async () => {
  const { pid } = nodeNamed('n3')
  process.kill(pid, 'SIGKILL')
  await until(nodes, (seen) => stateOf('n3')(seen) === 'dead', 'n3 is dead')
  const { out } = await skein('events', '--json')
  const kinds = kindsOf(out, 'n3').filter((kind) => kind !== 'node.described')
  assert.deepEqual(kinds.slice(-2), ['node.suspect', 'node.dead'])
  const unwell = await skein('health')
  assert.equal(unwell.code, 1)
  assert.match(unwell.out, /node n3 .*dead/)
  const back = await until(nodes, (seen) => stateOf('n3')(seen) === 'alive', 'n3 is back')
  assert.ok((back.find(({ name }) => name === 'n3')?.incarnation ?? 0) > 1)
})

test('a follower of an agent that is killed hears every event of it once', async () => {
  const { apiAddress, pid } = nodeNamed('n2')
  const args = ['events', '-f', '--json', '--quiet', '--address', apiAddress]
  const follower = spawn(process.execPath, [launcher, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const seen: schemas.MeshEvent[] = []
  let rest = ''
  for await (const chunk of follower.stdout) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    const before = seen.length
    seen.push(...lines.map((line) => schemas.MeshEvent.parse(JSON.parse(line))))
    if (before === 0) process.kill(pid, 'SIGKILL')
    // It has met the others again, in its next life.
    const met = seen.filter(({ kind, name }) => kind === 'node.joined' && name === 'n1')
    if (met.length > 1) follower.kill('SIGINT')
  }
  const first = seen[0]?.seq ?? 0
  assert.deepEqual(
    seen.map(({ seq }) => seq),
    seen.map((_, i) => first + i),
  )
  await until(nodes, (all) => stateOf('n2')(all) === 'alive', 'n2 is back')
})

test('an agent that is stopped for a while is called dead, and is alive again when it goes on', async () => {
  const { pid } = nodeNamed('n2')
  process.kill(pid, 'SIGSTOP')
  await until(nodes, (seen) => stateOf('n2')(seen) === 'dead', 'n2 is dead')
  process.kill(pid, 'SIGCONT')
  const back = await until(nodes, (seen) => stateOf('n2')(seen) === 'alive', 'n2 is alive')
  assert.ok((back.find(({ name }) => name === 'n2')?.incarnation ?? 0) > 1)
})

test('labels are kept by the node that they are of, and select it', async () => {
  const set = await skein('nodes', 'label', 'n2', 'zone=a', 'tier=edge')
  assert.equal(set.code, 0, set.err)
  await until(
    nodes,
    (seen) => seen.find(({ name }) => name === 'n2')?.labels.zone === 'a',
    'n1 knows',
  )
  await skein('nodes', 'label', 'n2', 'tier-')
  const chosen = await skein('nodes', 'ls', '--label', 'zone=a', '--json')
  assert.deepEqual(
    schemas.NodeList.parse(JSON.parse(chosen.out)).nodes.map(({ name }) => name),
    ['n2'],
  )
  const none = await skein('nodes', 'ls', '--label', 'zone=z')
  assert.equal(none.code, 3)
})

test('a module that is stopped leaves its dependants degraded, and says why', async () => {
  const stopped = await skein('modules', 'stop', 'telemetry', 'n2', '--json')
  assert.equal(stopped.code, 0, stopped.err)
  const states = (out: string) =>
    new Map(schemas.ModuleList.parse(JSON.parse(out)).modules.map((each) => [each.name, each]))
  assert.equal(states(stopped.out).get('telemetry')?.state, 'stopped')
  assert.equal(states(stopped.out).get('load')?.state, 'degraded')
  assert.match(states(stopped.out).get('load')?.why ?? '', /telemetry/)
  const started = await skein('modules', 'start', 'telemetry', 'n2', '--json')
  assert.equal(states(started.out).get('load')?.state, 'ready')
})

test('wrong use is one line with the next step and the right exit code', async () => {
  const cases: [string[], number, RegExp][] = [
    [['nodes', 'show', 'nowhere'], 3, /nowhere/],
    [['nodes', 'show', 'n'], 2, /n1.*n2/],
    [['statos'], 2, /status/],
    [['nodes', 'label', 'n1', 'nonsense'], 2, /key=value/],
    [['status', '--address', 'http://127.0.0.1:1'], 5, /skein up/],
    [['agent', 'run', '--config', '/nonexistent.yaml'], 3, /nonexistent/],
    [['up', '--nodes', '0', '--dir', join(home, 'other')], 2, /1 to/],
    [['completion', 'bsh'], 2, /bash/],
    [['modules', 'stop', 'telemetri'], 3, /telemetri/],
    [['events', '--since', '999999999'], 9, /not one of its own/],
    [['init', '--dir', '/proc/skein'], 1, /cannot write/],
    [['up', '--dir', '/proc/skein'], 1, /cannot write/],
  ]
  for (const [args, expected, words] of cases) {
    const { code, err } = await skein(...args)
    assert.equal(code, expected, `${args.join(' ')}: ${err}`)
    assert.match(err, words)
    assert.doesNotMatch(err, /\n\s+at /, 'no stack trace')
  }
})

test('an agent refuses to start where it cannot, and says what to do', async () => {
  const directory = join(home, 'refused')
  mkdirSync(directory)
  const key = join(directory, 'swarm.key')
  writeFileSync(key, formatSwarmKey(new Uint8Array(32).fill(3)), { mode: 0o600 })
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  const mesh = writeMeshKeys(directory, { name: 'ada' }, lockedBy(undefined))
  const issuer = readIssuer(join(directory, keyFileNames.issuer))
  const equipment = { name: 'n1', roles: ['agent'] as const, labels: {} }
  await equipPeer(join(directory, 'data'), issuer, equipment)
  const stranger = new Secrets(join(directory, 'stranger'))
  await stranger.prepare()
  await keepCredential(stranger, await equipPeer(join(directory, 'other'), issuer, equipment))
  const base = {
    mesh: { id: mesh },
    dataDirectory: join(directory, 'data'),
    network: { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false, swarmKeyFile: key },
    api: { listen: '127.0.0.1:0' },
  }
  const cases: [object, number, RegExp][] = [
    [
      { ...base, network: { ...base.network, listen: [`/ip4/127.0.0.1/tcp/${port}`] } },
      9,
      /listen/,
    ],
    [{ ...base, api: { listen: `127.0.0.1:${port}` } }, 9, new RegExp(String(port))],
    [{ ...base, dataDirectory: nodeNamed('n1').dataDirectory }, 9, /in use|process/],
    [{ ...base, network: { ...base.network, listne: [] } }, 2, /listen/],
    [{ ...base, network: { ...base.network, swarmKeyFile: join(directory, 'none') } }, 2, /swarm/],
    [{ ...base, mesh: {} }, 2, /mesh\.id is not set; .*init.*join/],
    [{ ...base, mesh: { id: 'f'.repeat(64) } }, 2, /is of another mesh .*; .*join/],
    [{ ...base, dataDirectory: join(directory, 'new') }, 2, /no credential .*; .*join/],
    [{ ...base, dataDirectory: stranger.path }, 2, /somebody else's; .*join/],
  ]
  for (const [config, expected, words] of cases) {
    const file = join(directory, 'agent.json')
    writeFileSync(file, JSON.stringify(config))
    const { code, err } = await skein('agent', 'run', '--config', file)
    assert.equal(code, expected, err)
    assert.match(err, words)
    assert.doesNotMatch(err, /\n\s+at /, 'no stack trace')
  }
  await new Promise((resolve) => taken.close(resolve))
})

test('an agent that leaves is left, not dead; after `down` and `up` all are who they were', async () => {
  const { apiAddress } = nodeNamed('n3')
  const unsure = await skein('agent', 'leave', '--address', apiAddress)
  assert.equal(unsure.code, 4)
  assert.match(unsure.err, /n3 .* leaves mesh .*add --yes/)
  const { code, err } = await skein('agent', 'leave', '--yes', '--address', apiAddress)
  assert.equal(code, 0, err)
  await until(nodes, (seen) => stateOf('n3')(seen) === 'left', 'n3 has left')
  const before = new Map((await nodes()).map(({ name, id }) => [name, id]))
  const pids = meshFile().nodes.map(({ pid, start }) => ({ pid, start }))
  assert.equal((await skein('down')).code, 0)
  for (const { pid, start } of pids) {
    if (pid > 0) assert.notEqual(processStart(pid), start, 'no agent is left running')
  }
  const again = await skein('up', '--nodes', '3', '--detach')
  assert.equal(again.code, 0, again.err)
  const seen = await until(
    nodes,
    (all) => all.every(({ state }) => state === 'alive'),
    'all are back',
  )
  assert.deepEqual(new Map(seen.map(({ name, id }) => [name, id])), before)
  assert.equal(seen.find(({ name }) => name === 'n2')?.labels.zone, 'a')
})
