/** Real agents go over to another swarm key: while stages run, and whoever is killed meanwhile. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startBarePeer } from '../../agent/network/bare-peer.ts'
import { KeyList } from '../../coordinator/api/key-routes.ts'
import { RunDetail } from '../../coordinator/api/run-schemas.ts'
import { NodeList } from '../../coordinator/api/schemas.ts'
import type { SwarmRotation } from '../../coordinator/api/swarm-key-routes.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { parseSwarmKey } from '../../protocol/identity/swarm-key.ts'
import { parseJoinToken } from '../../protocol/joining/token.ts'
import { layoutOf, meshAddressOf, readMeshFile } from '../../simulations/mesh/layout.ts'
import { looksBy, until } from './mesh-looks.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-rotate-'))
const directory = join(home, 'mesh')
const layout = layoutOf(directory)
const env = { SKEIN_HOME: directory, XDG_CONFIG_HOME: join(home, 'config') }
const skein = (...args: string[]) => runSkeinIn(env, ...args)
const { jsonOf, statusOf } = looksBy(env)
const hosts = 5
const noted = join(home, 'noted')
const workflow = join(home, 'long.yaml')

/** Stages that each note that they were begun, and end when they are told to. */
const text = `apiVersion: skein/v1
kind: Workflow
name: long
defaults: { retry: { attempts: 1 } }
stages:
  wait:
    forEach: [1, 2, 3, 4, 5, 6, 7, 8]
    run: echo begun >> ${noted}.\${{ item }}; until test -e ${noted}.end; do sleep 0.2; done
  after:
    needs: [wait]
    run: echo \${{ inputs.word }} > ${noted}.after
inputs:
  word: { type: string, default: done }
`

before(async () => {
  const { code, err } = await skein('up', '--nodes', String(hosts), '--detach')
  assert.equal(code, exitCodes.done, err)
  writeFileSync(workflow, text)
  await until('five vote', async () => (await statusOf())?.ledger?.voters.length === hosts)
})

after(async () => {
  writeFileSync(`${noted}.end`, '')
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

async function rotationAt(address: string): Promise<SwarmRotation | undefined> {
  const read = KeyList.safeParse(await jsonOf('keys', 'ls', '--address', address))
  return read.success ? read.data.rotation : undefined
}

const allAlive = async (): Promise<boolean> => {
  const read = NodeList.safeParse(await jsonOf('nodes', 'ls'))
  return read.success && read.data.nodes.filter(({ state }) => state === 'alive').length === hosts
}

const nodesOf = () => readMeshFile(layout)?.nodes ?? []
const keyInFile = () => readFileSync(layout.swarmKeyFile, 'utf8')

/** Whether somebody with that key file is taken for one who may knock. */
async function mayKnock(keyFile: string): Promise<boolean> {
  const peer = await startBarePeer({
    privateKeySeed: new Uint8Array(32).fill(77),
    swarmKey: Buffer.from(keyFile),
  })
  try {
    const [node] = nodesOf()
    assert.ok(node)
    await peer.connect(meshAddressOf(node), AbortSignal.timeout(20_000))
    return true
  } catch {
    return false
  } finally {
    await peer.stop()
  }
}

test('not without a yes, and not by everybody', async () => {
  const unsure = await skein('keys', 'rotate', 'swarm')
  assert.equal(unsure.code, exitCodes.refused)
  assert.match(unsure.err, /5 hosts of the mesh go over to another swarm key/)
  const key = join(home, 'olga.key')
  await skein('users', 'add', 'olga', '--role', 'operator', '--out', key)
  const weak = await skein('keys', 'rotate', 'swarm', '--yes', '--key-file', key)
  assert.equal(weak.code, exitCodes.refused)
  assert.match(weak.err, /swarm.rotate takes the role admin/)
  const nothing = await skein('keys', 'rotate', 'swarm', '--finish', '--yes')
  assert.equal(nothing.code, exitCodes.conflict)
})

test('while stages run, all hosts go over: no stage is begun again, and the old key is refused', async () => {
  const old = keyInFile()
  const { out: token } = await skein('token', 'create')
  assert.equal(await mayKnock(old), true)
  const begun = await skein('run', workflow, '--detach', '--json')
  assert.equal(begun.code, exitCodes.done, begun.err)
  const { id } = (JSON.parse(begun.out) as { run: { id: string } }).run
  const running = () => readdirSync(home).filter((name) => /^noted\.\d$/.test(name))
  await until('all are begun', () => running().length === 8)
  const rotated = await skein('keys', 'rotate', 'swarm', '--yes')
  assert.equal(rotated.code, exitCodes.done, rotated.err)
  assert.match(rotated.err, /5 of 5 hosts take the new swarm key alone/)
  assert.notEqual(keyInFile(), old)
  assert.equal(await mayKnock(old), false)
  assert.equal(await mayKnock(keyInFile()), true)
  writeFileSync(`${noted}.end`, '')
  const watched = await skein('runs', 'watch', id)
  assert.equal(watched.code, exitCodes.done, watched.err)
  assert.ok(existsSync(`${noted}.after`))
  for (const name of running()) {
    assert.equal(readFileSync(join(home, name), 'utf8'), 'begun\n', `${name} was begun once`)
  }
  const shown = RunDetail.parse(await jsonOf('runs', 'show', id))
  assert.ok(shown.stages.every(({ attempt }) => attempt <= 1))
  assert.ok(await allAlive())
  const { out: events } = await skein('events', '--json')
  assert.doesNotMatch(events, /"node\.dead"/)
  // What is handed out from here on carries the new key, and what was handed out before does not.
  const fresh = parseJoinToken((await skein('token', 'create')).out.trim())
  const stale = parseJoinToken(token.trim())
  const now = parseSwarmKey(keyInFile())
  const was = parseSwarmKey(old)
  assert.ok(fresh.ok && stale.ok && now.ok && was.ok)
  assert.deepEqual(fresh.token.swarmKey, now.key)
  assert.deepEqual(stale.token.swarmKey, was.key)
  const copy = join(home, 'copy.key')
  assert.equal((await skein('keys', 'copy', 'swarm', '--out', copy)).code, exitCodes.done)
  assert.equal(readFileSync(copy, 'utf8'), keyInFile())
})

test('the key is in no store, log or ledger of any host in the open', () => {
  const now = parseSwarmKey(keyInFile())
  assert.ok(now.ok)
  const forms = [Buffer.from(now.key), Buffer.from(now.key).toString('hex')]
  const own = /\/(swarm\.key|swarm-key\.kept)$/
  let seen = 0
  for (const path of filesIn(directory)) {
    if (own.test(path)) continue
    seen++
    const content = readFileSync(path)
    for (const form of forms) assert.ok(!content.includes(form), path)
  }
  assert.ok(seen > 20, 'there was something to look at')
})

const kills = [
  ['taken', 'follower'],
  ['dialled', 'follower'],
  ['dialled', 'leader'],
  ['alone', 'follower'],
] as const
for (const [step, who] of kills) {
  test(`a ${who} is killed when the mesh has come to “${step}”, and all end with one key`, async () => {
    const old = keyInFile()
    let leader: string | undefined
    await until('somebody leads', async () => {
      leader = (await statusOf())?.ledger?.leader
      return leader !== undefined
    })
    const killed = nodesOf().find(({ name }) => (who === 'leader') === (name === leader))
    assert.ok(killed)
    // Whoever is asked stays.
    const asked = nodesOf().find(({ name }) => name !== killed.name)
    assert.ok(asked)
    const rotation = () => rotationAt(asked.apiAddress)
    const before = (await rotation())?.madeMs ?? 0
    const rotating = skein(
      ...['keys', 'rotate', 'swarm', '--yes', '--timeout', '0', '--address', asked.apiAddress],
    )
    await until(`it has come to ${step}`, async () => {
      const now = await rotation()
      return now !== undefined && now.madeMs > before && now.step === step
    })
    process.kill(killed.pid, 'SIGKILL')
    await rotating
    await until('all have the new key alone', async () => {
      const now = await rotation()
      return (
        now !== undefined &&
        now.madeMs > before &&
        now.step === 'alone' &&
        now.hosts.length === hosts &&
        now.hosts.every(({ done }) => done)
      )
    })
    await until('all are there', allAlive)
    assert.equal(await mayKnock(old), false)
    assert.equal(await mayKnock(keyInFile()), true)
  })
}

test('a copy in the profile of whoever rotates is brought up to date: a stop can still be told directly', async () => {
  const [node] = nodesOf()
  assert.ok(node)
  const own = ['--from', join(directory, 'operator.key'), '--at', node.apiAddress]
  const added = await skein('profile', 'add', 'ops', ...own, '--swarm-key', layout.swarmKeyFile)
  assert.equal(added.code, exitCodes.done, added.err)
  const copies = [...filesIn(env.XDG_CONFIG_HOME)].filter((path) => path.endsWith('swarm.key'))
  assert.equal(copies.length, 1)
  const copied = () => copies.map((path) => readFileSync(path, 'utf8'))
  assert.deepEqual(copied(), [keyInFile()])
  const rotated = await skein('keys', 'rotate', 'swarm', '--yes', '--profile', 'ops')
  assert.equal(rotated.code, exitCodes.done, rotated.err)
  assert.match(rotated.err, /swarm\.key has the new key now/)
  assert.deepEqual(copied(), [keyInFile()])
  const all = nodesOf().flatMap((each) => ['--peer', meshAddressOf(each)])
  const stopped = await skein(
    ...['estop', '--direct', '--yes', '--reason', 'a test', '--profile', 'ops', ...all],
  )
  assert.equal(stopped.code, exitCodes.done, stopped.err)
  const resumed = await skein('resume', '--yes', '--reason', 'a test')
  assert.equal(resumed.code, exitCodes.done, resumed.err)
})

test('after down and up the mesh is there again', async () => {
  assert.equal((await skein('down')).code, exitCodes.done)
  const { code, err } = await skein('up', '--nodes', String(hosts), '--detach')
  assert.equal(code, exitCodes.done, err)
  await until('all are there', allAlive)
})

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesIn(path)
    else if (entry.isFile()) yield path
  }
}
