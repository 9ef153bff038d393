/** Real agents: the issuing key is replaced under them while they work, and the one before ends. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Secrets } from '../../agent/ports/secrets.ts'
import { KeyList } from '../../coordinator/api/key-routes.ts'
import * as schemas from '../../coordinator/api/schemas.ts'
import { readIssuer } from '../../coordinator/host/mesh-keys.ts'
import { credentialIn, equipPeer } from '../../coordinator/host/peer-files.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { grantIn } from '../../protocol/identity/certificate.ts'
import { freePorts } from '../../simulations/bench/free-ports.ts'
import { lookIn } from './looking.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-rotate-'))
const env = { SKEIN_HOME: join(home, 'mesh'), XDG_CONFIG_HOME: join(home, 'config') }
const skein = (...args: string[]) => runSkeinIn(env, ...args)
const look = (...args: string[]) => lookIn(env, ...args)
const launcher = fileURLToPath(new URL('../../coordinator/skein.js', import.meta.url))
const oldIssuer = join(home, 'old-issuer.key')
const olga = join(home, 'olga.key')
const issuer = join(env.SKEIN_HOME, 'issuer.key')

interface Layout {
  nodes: { name: string; pid: number; apiAddress: string; host: string; meshPort: number }[]
}

const nodes = () =>
  (JSON.parse(readFileSync(join(env.SKEIN_HOME, 'mesh.json'), 'utf8')) as Layout).nodes

async function done(...args: string[]): Promise<string> {
  const { code, out, err } = await skein(...args)
  assert.equal(code, exitCodes.done, `${args.join(' ')}: ${err}`)
  return out
}

/** Until it is so; the deadline is only there to end a test that hangs. */
async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const endMs = Date.now() + 180_000
  while (!(await holds())) {
    assert.ok(Date.now() < endMs, what)
    await sleep(200)
  }
}

const statusAt = async (...where: string[]) => {
  const { out } = await look('status', '--json', ...where)
  return out === '' ? undefined : schemas.Status.parse(JSON.parse(out))
}

const keys = async () => KeyList.parse(JSON.parse(await done('keys', 'ls', '--json')))
const retiring = async () => (await keys()).issuers.find((key) => key.retiring)

/** What lies on the disks of the hosts, by the issuing key behind it. */
async function onDisk(): Promise<{ serial: string | undefined; issuer: string | undefined }[]> {
  const found = []
  for (const { name } of nodes()) {
    const folder = join(env.SKEIN_HOME, 'nodes', name)
    const credential = await credentialIn(new Secrets(folder))
    const [leaf, behind] = [credential?.leaf, credential?.issuer]
    assert.ok(!existsSync(join(folder, '.credential.draft')), 'it was replaced whole')
    found.push({ serial: leaf && grantIn(leaf)?.serial, issuer: behind && grantIn(behind)?.serial })
  }
  return found
}

const copyOf = (name: string) => join(env.SKEIN_HOME, 'nodes', name, 'issuer.key')
const serialIn = (file: string) => grantIn(readIssuer(file).certificate)?.serial

let outsider: ChildProcess | undefined

before(async () => {
  await done('up', '--nodes', '4', '--detach')
  await until(async () => (await statusAt())?.ledger?.voters.length === 3, 'three vote')
  copyFileSync(issuer, oldIssuer)
})
after(async () => {
  outsider?.kill('SIGKILL')
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

test('all hosts are certified anew while a workflow runs, and none of its stages is begun again', async () => {
  await done('users', 'add', 'olga', '--role', 'operator', '--out', olga)
  const file = join(home, 'w.yaml')
  const stages = ['a', 'b', 'c'].map(
    (name) => `  ${name}: { run: sleep 6, retry: { attempts: 2 } }`,
  )
  const last = '  d: { run: "true", needs: [a, b, c] }'
  writeFileSync(
    file,
    ['apiVersion: skein/v1', 'kind: Workflow', 'name: w', 'stages:', ...stages, last, ''].join(
      '\n',
    ),
  )
  await done('run', file, '--detach', '-q')
  const certificates = await onDisk()
  const unsure = await skein('keys', 'rotate', 'issuing')
  assert.equal(unsure.code, exitCodes.refused)
  assert.match(unsure.err, /not without a yes: .*4 hosts are certified anew/)
  const rotated = await skein('keys', 'rotate', 'issuing', '--yes')
  assert.equal(rotated.code, exitCodes.partly, rotated.err)
  assert.match(rotated.err, /people whose certificate is by the key before.*: olga/)
  const after = await onDisk()
  assert.deepEqual(
    after.map(({ serial }) => serial),
    certificates.map(({ serial }) => serial),
  )
  const [before, now] = [serialIn(oldIssuer), serialIn(issuer)]
  assert.deepEqual([...new Set(certificates.map((each) => each.issuer))], [before])
  assert.deepEqual([...new Set(after.map((each) => each.issuer))], [now])
  assert.notEqual(readFileSync(issuer, 'utf8'), readFileSync(oldIssuer, 'utf8'))
  const { hosts, people } = (await retiring()) ?? { hosts: ['?'], people: [] }
  assert.deepEqual([hosts, people], [[], ['olga']])
  const eve = ['users', 'add', 'eve', '--role', 'operator', '--out', join(home, 'early.key')]
  const late = await skein(...eve, '--issuer', oldIssuer)
  assert.equal(late.code, exitCodes.conflict)
  assert.match(late.err, /signed by an issuing key in whose place another is/)
  const early = await skein('keys', 'rotate', 'issuing', '--finish')
  assert.equal(early.code, exitCodes.conflict)
  assert.match(early.err, /it would turn away user olga; .*--force/)
  const looked = await skein('status', '--key-file', olga)
  assert.match(looked.err, /your certificate in .*olga.key is renewed/)
  assert.doesNotMatch((await skein('status', '--key-file', olga)).err, /renewed/)
  await done('keys', 'rotate', 'issuing', '--finish')
  await done('runs', 'watch', '@latest', '-q')
  const shown = JSON.parse(await done('runs', 'show', '@latest', '--json')) as {
    run: { state: string }
    stages: { name: string; attempts: unknown[] }[]
  }
  assert.equal(shown.run.state, 'succeeded')
  assert.deepEqual(
    shown.stages.map(({ attempts }) => attempts.length),
    [1, 1, 1, 1],
    JSON.stringify([shown.stages, (await skein('events', '--last', '200')).out]),
  )
  assert.equal((await statusAt())?.nodes.filter(({ state }) => state === 'alive').length, 4)
  await done('status', '--key-file', olga)
  // Whoever is started again shows what it has kept: what it had before is believed by nobody.
  const founder = nodes().find(({ name }) => existsSync(copyOf(name)))
  const killed = founder?.name === 'n1' ? nodes()[1] : (founder ?? nodes()[1])
  assert.ok(killed)
  process.kill(killed.pid, 'SIGKILL')
  const isBack = async () => {
    const pid = nodes().find(({ name }) => name === killed.name)?.pid
    const there = await statusAt('--address', killed.apiAddress)
    return pid !== killed.pid && there?.agent.connections === 3
  }
  await until(isBack, 'it is met again by all')
})

test('what the key before makes is believed by nobody: no person, no host, until it joins again', async () => {
  const eve = ['users', 'add', 'eve', '--role', 'operator', '--out', join(home, 'eve.key')]
  const refused = await skein(...eve, '--issuer', oldIssuer)
  assert.equal(refused.code, exitCodes.usage)
  assert.match(refused.err, /that is no certificate of a person in this mesh/)
  const data = join(home, 'h5')
  const known = readIssuer(oldIssuer)
  await equipPeer(data, known, { name: 'h5', roles: ['agent'], labels: {} })
  const [meshPort, apiPort] = await freePorts(2)
  const config = join(home, 'h5.yaml')
  const at = `http://127.0.0.1:${apiPort}`
  writeFileSync(
    config,
    JSON.stringify({
      node: { name: 'h5' },
      mesh: { id: known.mesh },
      dataDirectory: data,
      network: {
        listen: [`/ip4/127.0.0.1/tcp/${meshPort}`],
        bootstrap: nodes().map((node) => `/ip4/${node.host}/tcp/${node.meshPort}`),
        mdns: false,
        swarmKeyFile: join(env.SKEIN_HOME, 'swarm.key'),
      },
      api: { listen: `127.0.0.1:${apiPort}` },
    }),
    { mode: 0o600 },
  )
  const run = () =>
    spawn(process.execPath, [launcher, 'agent', 'run', '--config', config], { stdio: 'ignore' })
  outsider = run()
  const told = async () =>
    /joining again: skein agent join/.test((await look('events', '--address', at)).out)
  await until(told, 'it is told what to do')
  const met = (await statusAt())?.nodes.filter(
    ({ name, state }) => name === 'h5' && state === 'alive',
  )
  assert.deepEqual(met, [], 'nobody takes it for one of the mesh')
  assert.match((await skein('health', '--address', at)).out, /skein agent join with a new token/)
  const ended = new Promise((resolve) => outsider?.once('exit', resolve))
  outsider.kill('SIGTERM')
  await ended
  const token = (await done('token', 'create', '--role', 'agent')).trim()
  const joined = await skein('agent', 'join', token, '--config', config)
  assert.equal(joined.code, exitCodes.done, joined.err)
  assert.match(joined.err, /this host is of mesh .* now: h5, agent/)
  outsider = run()
  const isIn = async () => (await statusAt('--address', at))?.agent.connections === 4
  await until(isIn, 'it is in again')
})

test('whoever leads is killed in the middle, and the mesh comes back as it was from down and up', async () => {
  const before = (await keys()).issuers.find((key) => !key.revoked)?.serial
  await skein('keys', 'rotate', 'issuing', '--yes', '--no-wait')
  const leader = (await statusAt())?.ledger?.leader
  const killed = nodes().find(({ name }) => name === leader)
  assert.ok(killed)
  process.kill(killed.pid, 'SIGKILL')
  const isDone = async () => {
    // It may be the one that the command line asks, and not be back yet.
    const { out } = await look('keys', 'ls', '--json')
    if (out === '') return false
    const { issuers, unseen } = KeyList.parse(JSON.parse(out))
    const key = issuers.find((each) => each.retiring)
    return key?.serial === before && key?.hosts.length === 0 && unseen.length === 0
  }
  await until(isDone, 'nobody hangs on the one before')
  await done('status', '--key-file', olga)
  await done('keys', 'rotate', 'issuing', '--finish')
  // As it is left where the answer was lost: the same one is offered again, and no other is made.
  const now = serialIn(issuer)
  copyFileSync(issuer, `${issuer}.new`)
  await done('keys', 'rotate', 'issuing', '--yes')
  assert.equal(serialIn(issuer), now)
  assert.ok(!existsSync(`${issuer}.new`))
  assert.equal(await retiring(), undefined)
  await done('down')
  await done('up', '--nodes', '4', '--detach')
  const all = async () =>
    (await statusAt())?.nodes.filter(({ state }) => state === 'alive').length === 5
  await until(all, 'all are back, and so is the one that joined')
  const copies = nodes().map(({ name }) => copyOf(name))
  await until(async () => !copies.some(existsSync), 'what is of no use lies on no disk')
})
