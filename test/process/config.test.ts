/** Three real agents that go by one configuration, changed while stages run on them. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as turn } from 'node:timers/promises'
import type { Changed, ConfigVersion, NodeConfig } from '../../coordinator/api/config-routes.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { lookIn } from './looking.ts'
import { looksBy, until } from './mesh-looks.ts'
import { runSkeinIn } from './skein.ts'

interface Node {
  readonly name: string
  readonly pid: number
  readonly apiAddress: string
  readonly dataDirectory: string
}

const home = mkdtempSync(join(tmpdir(), 'skein-config-'))
const directory = join(home, 'mesh')
const skein = (...args: string[]) => runSkeinIn({ SKEIN_HOME: directory }, ...args)
const { statusOf } = looksBy({ SKEIN_HOME: directory })
const nodes = () =>
  (JSON.parse(readFileSync(join(directory, 'mesh.json'), 'utf8')) as { nodes: Node[] }).nodes
const at = (node = nodes()[0]) => [
  ...['--address', node?.apiAddress ?? ''],
  ...['--key-file', join(directory, 'operator.key')],
]

async function config<T>(...args: string[]): Promise<T> {
  const { out, err } = await skein('config', ...args, '--json', ...at())
  assert.ok(out !== '', err)
  return JSON.parse(out) as T
}

/** As that host says of itself. */
async function keyAt(node: Node, key: string): Promise<NodeConfig['keys'][number] | undefined> {
  const { out, err } = await skein('config', 'get', key, '--at', 'self', '--json', ...at(node))
  assert.ok(out !== '', err)
  return (JSON.parse(out) as NodeConfig).keys[0]
}

before(async () => {
  const up = await skein('up', '--nodes', '3', '--detach')
  assert.equal(up.code, exitCodes.done, up.err)
  // Until then a host has no copy of the ledger that moves on by itself.
  const votersOf = async () => (await statusOf())?.ledger?.voters ?? []
  await until('all of them vote', async () => (await votersOf()).length === 3)
})

after(async () => {
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

test('values are set under stages that run: every host goes by them, and no stage is lost', async () => {
  const items = Array.from({ length: 40 }, (_, i) => i)
  const [mark, file] = [join(home, 'begun'), join(home, 'w.yaml')]
  writeFileSync(
    file,
    `apiVersion: skein/v1
kind: Workflow
name: configured
stages:
  each: { forEach: { items: [${items}] }, run: [sh, -c, "echo . >> ${mark}; sleep 0.5"] }
`,
  )
  const run = skein('run', file, '--watch', '--quiet', ...at())
  while (!existsSync(mark)) await turn(50)
  const keys = ['work.attemptsMax=2', 'telemetry.intervalMin=500ms', 'membership.probeInterval=1s']
  const answer = await config<Changed>('set', ...keys, '--reason', 'a test')
  assert.deepEqual([answer.version, answer.changed], [1, true])
  assert.deepEqual(
    answer.hosts.map(({ state, version, own, left, waiting }) => [
      ...[state, version, own.length, left.length, waiting.length],
    ]),
    answer.hosts.map(() => ['inForce', 1, 0, 0, 0]),
  )
  assert.equal(answer.hosts.length, 3)
  for (const node of nodes()) {
    const { value, source } = (await keyAt(node, 'work.attemptsMax')) ?? {}
    assert.deepEqual([value, source], ['2', 'mesh'])
  }
  const ran = await run
  assert.equal(ran.code, exitCodes.done, ran.err)
  // Each has begun once: none was lost, and none was tried again.
  assert.equal(readFileSync(mark, 'utf8').length, 2 * items.length)
})

test('the log of every agent is quieter at once, and speaks again when the value is unset', async () => {
  const told = ({ dataDirectory }: Node) =>
    readFileSync(join(dataDirectory, 'agent.log'), 'utf8').split(
      'configuration of the mesh was taken',
    ).length - 1
  const before = nodes().map(told)
  await config<Changed>('set', 'log.level=error')
  assert.deepEqual(nodes().map(told), before)
  await config<Changed>('unset', 'log.level')
  assert.deepEqual(
    nodes().map(told),
    before.map((count) => count + 1),
  )
})

test('a bad value is refused with all that is wrong, and nothing is changed', async () => {
  const was = await config<{ versions: ConfigVersion[] }>('history')
  const args = ['work.attemptsMax=0', 'log.levl=debug', 'node.name=x', 'work.queueMax=8', ...at()]
  const { code, err } = await skein('config', 'set', ...args)
  assert.equal(code, exitCodes.usage)
  for (const part of [/"0" is out of range/, /did you mean log\.level\?/, /each host’s own/]) {
    assert.match(err, part)
  }
  assert.deepEqual(await config('history'), was)
  assert.equal((await keyAt(nodes()[1] as Node, 'work.queueMax'))?.source, 'default')
})

test('going back to a version restores what it has set, and says whom it is by', async () => {
  await config<Changed>('set', 'work.attemptsMax=9', 'work.queueMax=99')
  const back = await config<Changed>('rollback', '1', '--reason', 'it was better')
  assert.deepEqual(back.unset, ['work.queueMax'])
  assert.equal((await keyAt(nodes()[2] as Node, 'work.attemptsMax'))?.value, '2')
  const { versions } = await config<{ versions: ConfigVersion[] }>('history')
  assert.deepEqual(versions[0]?.values, versions.at(-1)?.values)
  assert.deepEqual([versions[0]?.rolledBackTo, versions[0]?.reason], [1, 'it was better'])
  const stale = await skein('config', 'set', 'work.queueMax=7', '--based-on', '1', ...at())
  assert.equal(stale.code, exitCodes.conflict)
  assert.equal((await skein('config', 'rollback', '77', '--reason', 'x', ...at())).code, 3)
})

test('a host that is killed starts again with what was set while it was away', async () => {
  const [, , victim] = nodes() as [Node, Node, Node]
  process.kill(victim.pid, 'SIGKILL')
  const answer = await config<Changed>('set', 'network.connectionsMax=512', 'work.queueMax=77')
  const live = answer.hosts.filter(({ name }) => name !== victim.name)
  assert.ok(live.every(({ state }) => state === 'inForce'))
  assert.ok(live.every(({ waiting }) => waiting[0]?.key === 'network.connectionsMax'))
  // Whoever looks after this mesh starts it again.
  const taken = async () => {
    const asked = ['config', 'get', '--at', 'self', '--json', ...at(victim)]
    const { out } = await lookIn({ SKEIN_HOME: directory }, ...asked)
    return out === '' ? undefined : (JSON.parse(out) as NodeConfig)
  }
  let standing = await taken()
  while (standing?.version !== answer.version) {
    await turn(200)
    standing = await taken()
  }
  const held = (key: string) => standing?.keys.find((each) => each.key === key)?.value
  assert.deepEqual([held('work.queueMax'), held('work.attemptsMax')], ['77', '2'])
})

test('an operator sees all of it, and only an admin sets it', async () => {
  const key = join(home, 'ola.key')
  const added = await skein('users', 'add', 'ola', '--role', 'operator', '--out', key)
  assert.equal(added.code, exitCodes.done, added.err)
  const { out: was } = await skein('config', 'history', '--json', '--key-file', key)
  assert.ok(was.includes('it was better'))
  for (const act of [
    ['set', 'work.queueMax=5'],
    ['unset', 'work.attemptsMax'],
    ['rollback', '1', '--reason', 'x'],
  ]) {
    const { code, err } = await skein('config', ...act, '--key-file', key)
    assert.equal(code, exitCodes.refused, err)
    assert.match(err, /ola may not do that: config\.set takes the role admin/)
  }
  assert.equal((await skein('config', 'history', '--json', '--key-file', key)).out, was)
})
