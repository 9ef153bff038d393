/** The emergency stop when the agent that people ask is dead: real processes, past its control API. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { StopHand } from '../../simulations/bench/estop-hand.ts'
import { Trees } from '../../simulations/bench/estop-trees.ts'
import { Witness } from '../../simulations/bench/estop-witness.ts'
import { leaderOfAll } from '../../simulations/bench/ledger-mesh.ts'
import { Mesh } from '../../simulations/bench/mesh.ts'
import { MeshRuns } from '../../simulations/bench/mesh-runs.ts'
import { runSkeinIn } from './skein.ts'

const WAIT_MS = 120_000
const home = mkdtempSync(join(tmpdir(), 'skein-direct-'))
const env = { SKEIN_HOME: join(home, 'nothing'), XDG_CONFIG_HOME: join(home, 'config') }
let mesh: Mesh

before(async () => {
  mesh = await Mesh.start(3, { restartPauseMs: 10 * WAIT_MS })
})

after(async () => {
  await mesh.stop()
  rmSync(home, { recursive: true, force: true })
})

test('with its gateway dead, skein estop tells the peers itself and says who has confirmed', async () => {
  await leaderOfAll(mesh)
  const [gateway, ...others] = mesh.nodes
  assert.ok(gateway)
  const profile = ['--from', mesh.operatorKeyFile, '--at', gateway.apiAddress]
  const added = await runSkeinIn(
    env,
    'profile',
    'add',
    'far',
    ...profile,
    '--swarm-key',
    mesh.swarmKeyFile,
  )
  assert.equal(added.code, exitCodes.done, added.err)
  const skein = (...args: string[]) => runSkeinIn(env, ...args, '--profile', 'far')
  const unknown = await skein('estop', '--direct', '--yes', '--reason', 'nobody is known yet')
  assert.equal(unknown.code, exitCodes.usage)
  assert.match(unknown.err, /no address of a peer is known here; .*--peer/)
  assert.equal((await skein('status')).code, exitCodes.done)
  // What runs there would outlive it, and this test.
  const drained = await skein('nodes', 'drain', gateway.name, '--yes')
  assert.equal(drained.code, exitCodes.done, drained.err)

  const witness = new Witness()
  const trees = new Trees(
    join(home, 'trees'),
    others.map(({ name }) => name),
    witness,
  )
  try {
    await new MeshRuns(mesh).begin({ workflow: trees.workflow(4), group: 'trees' })
    const untilMs = performance.now() + WAIT_MS
    while (trees.begun < 4) {
      assert.ok(performance.now() < untilMs, 'waited in vain for all trees')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await trees.letGo()
    process.kill(gateway.pid, 'SIGKILL')
    const ran = await skein(
      'estop',
      '--yes',
      '--json',
      '--reason',
      'the gateway is dead',
      '--timeout',
      '30',
    )
    assert.match(ran.err, /nothing listens there; the peers are told directly/)
    const { nodes, missing } = JSON.parse(ran.out) as {
      nodes: Record<string, unknown>[]
      missing: string[]
    }
    // It may be cut off and not dead: that not all have confirmed is told.
    assert.deepEqual(missing, [gateway.name])
    assert.equal(ran.code, exitCodes.partly, ran.err)
    const names = others.map(({ name }) => name)
    assert.ok(await witness.allDead(names, WAIT_MS), 'every process of every tree is dead')
    for (const name of names) {
      assert.equal(nodes.find((node) => node.name === name)?.answer, 'done', name)
    }
    assert.equal(nodes.find((node) => node.name === gateway.name)?.answer, 'silent')
    const hand = new StopHand(mesh.nodes)
    for (const name of names) assert.equal((await hand.state(name)).inForce.length, 1, name)
  } finally {
    trees.close()
    witness.close()
  }
})

test('a gateway that hangs is not waited for', async () => {
  const [, hangs, other] = mesh.nodes
  assert.ok(hangs && other)
  process.kill(hangs.pid, 'SIGSTOP')
  try {
    const profile = ['--profile', 'far', '--address', hangs.apiAddress]
    const said = ['--run', 'none', '--json', '--yes', '--reason', 'it hangs', '--timeout', '30']
    const ran = await runSkeinIn(env, 'estop', ...said, ...profile)
    assert.equal(ran.code, exitCodes.partly, ran.err)
    assert.match(ran.err, /nothing came within 2 s; the peers are told directly/)
    const { nodes } = JSON.parse(ran.out) as { nodes: Record<string, unknown>[] }
    const answers = nodes.map(({ name, answer }) => `${name} ${answer}`)
    const silent = mesh.nodes.filter((node) => node !== other).map(({ name }) => `${name} silent`)
    assert.deepEqual(answers.sort(), [...silent, `${other.name} done`].sort())
  } finally {
    process.kill(hangs.pid, 'SIGCONT')
  }
})

test('who has no right, no swarm key or nobody to tell gets one line', async () => {
  const folder = dirname(mesh.operatorKeyFile)
  const reason = ['--yes', '--reason', 'x', '--direct']
  const key = ['--key-file', mesh.operatorKeyFile]
  const swarm = ['--swarm-key', join(folder, 'operator.key')]
  const noKey = await runSkeinIn(env, 'estop', ...key, ...reason, ...swarm)
  assert.equal(noKey.code, exitCodes.usage)
  assert.match(noKey.err, /operator\.key is no swarm key/)
  const badPeer = await runSkeinIn(env, 'estop', ...key, ...reason, '--peer', '10.0.0.5:4130')
  assert.equal(badPeer.code, exitCodes.usage)
  assert.match(badPeer.err, /write it as \/ip4\/10\.0\.0\.5\/tcp\/4130/)
  const out = join(home, 'vic.key')
  const issuer = ['--issuer', mesh.issuerKeyFile, '--address', mesh.nodes[1]!.apiAddress]
  const added = await runSkeinIn(
    env,
    'users',
    'add',
    'vic',
    '--role',
    'viewer',
    '--out',
    out,
    ...key,
    ...issuer,
  )
  assert.equal(added.code, exitCodes.done, added.err)
  const vic = await runSkeinIn(env, 'estop', '--key-file', out, ...reason)
  assert.equal(vic.code, exitCodes.refused)
  assert.match(vic.err, /estop\.raise takes the role operator/)
  const asked = ['--address', '127.0.0.1:1', '--yes', '--reason', 'x']
  const nowhere = await runSkeinIn(
    { ...env, XDG_CONFIG_HOME: join(home, 'new') },
    'estop',
    '--key-file',
    out.replace('vic', 'none'),
    ...asked,
  )
  assert.equal(nowhere.code, exitCodes.refused)
  assert.ok(readFileSync(out).length > 0)
})
