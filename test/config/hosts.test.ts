/** Simulated agents that go by the mesh's configuration: at once, after they were away, and one who says otherwise. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Changed } from '../../coordinator/api/config-routes.ts'
import { putVersion, type Version } from '../../coordinator/config/rows.ts'
import { type Member, Mesh } from '../history/stage.ts'

/** How many attempts others are told that it runs at once. */
const attemptsOf = (seen: Member, of: Member) =>
  seen.agent.membership.members().find(({ id }) => id === of.host.id)?.profile?.attemptsMax

async function set(
  mesh: Mesh,
  asked: Member,
  values: Record<string, string>,
  basedOn?: number,
): Promise<Changed> {
  const seen = basedOn === undefined ? {} : { basedOn }
  return mesh.call(asked, 'setConfig', { body: { set: values, ...seen } })
}

const statesOf = ({ hosts }: Pick<Changed, 'hosts'>) =>
  Object.fromEntries(hosts.map(({ name, state }) => [name, state]))

test('a value that is set is obeyed by every host when it is answered, and told to the others', async () => {
  const mesh = await Mesh.of('config-live', 3, { files: { n2: 'work: { attemptsMax: 5 }' } })
  const answer = await set(mesh, mesh.follower, { 'work.attemptsMax': '7', 'log.format': 'json' })
  assert.deepEqual([answer.version, answer.changed], [1, true])
  assert.deepEqual(statesOf(answer), { n1: 'inForce', n2: 'inForce', n3: 'inForce' })
  for (const { name, own, waiting } of answer.hosts) {
    assert.deepEqual(
      own.map(({ key, value }) => [key, value]),
      name === 'n2' ? [['work.attemptsMax', '5']] : [],
    )
    assert.deepEqual(
      waiting.map(({ key, next }) => [key, next.value]),
      [['log.format', 'json']],
    )
  }
  const [n1, n2, n3] = mesh.members as [Member, Member, Member]
  await mesh.until(() => attemptsOf(n1, n3) === 7, 'n1 hears that n3 takes 7')
  assert.deepEqual([attemptsOf(n1, n1), attemptsOf(n1, n2)], [7, 5])
  const again = await set(mesh, n1, { 'work.attemptsMax': '7' })
  assert.deepEqual([again.version, again.changed], [1, false])
})

test('a mistake changes nothing, a version that was overtaken neither, and any can be gone back to', async () => {
  const mesh = await Mesh.of('config-back', 3, { files: {} })
  const [n1, n2] = mesh.members as [Member, Member]
  await set(mesh, n1, { 'work.attemptsMax': '7', 'log.level': 'warn' })
  const refused = { message: /nothing was changed/ }
  await assert.rejects(set(mesh, n2, { 'work.attemptsMax': '9', 'work.queueMax': '0' }), refused)
  await assert.rejects(set(mesh, n2, { 'work.attemptsMax': '9' }, 0), refused)
  assert.equal(n1.agent.membership.profile.attemptsMax, 7)
  await set(mesh, n2, { 'work.attemptsMax': '9', 'work.queueMax': '11' }, 1)
  assert.equal(n1.agent.membership.profile.attemptsMax, 9)
  const body = { version: 1, reason: 'it was quieter' }
  const back = await mesh.call(n1, 'rollBackConfig', { body })
  assert.deepEqual(
    [back.version, back.set, back.unset],
    [3, ['work.attemptsMax'], ['work.queueMax']],
  )
  assert.equal(n2.agent.membership.profile.attemptsMax, 7)
  const { versions } = await mesh.call(n2, 'configVersions', {})
  assert.deepEqual(
    versions.map(({ number, rolledBackTo }) => [number, rolledBackTo]),
    [
      [3, 1],
      [2, undefined],
      [1, undefined],
    ],
  )
  assert.deepEqual(versions[0]?.values, versions[2]?.values)
})

test('a host that was away takes the newest when it is back, and starts with what waited for that', async () => {
  const mesh = await Mesh.of('config-away', 3, { files: {} })
  const away = mesh.follower
  const [asked] = mesh.members.filter((member) => member !== away) as [Member]
  const read = () =>
    mesh.call(away, 'nodeConfig', { parameters: { node: 'self' }, query: { version: 2 } })
  await set(mesh, asked, { 'network.connectionsMax': '512' })
  assert.equal(await keyIn(read(), 'network.connectionsMax'), '1024')
  away.host.crash('kill')
  const gone = () => mesh.leader?.agent.membership.members().some(({ state }) => state === 'dead')
  await mesh.until(() => gone() === true, 'it is seen to be dead')
  const answer = await set(mesh, asked, { 'work.attemptsMax': '7' })
  assert.equal(statesOf(answer)[away.host.name], 'away')
  await mesh.again(away)
  await mesh.until(() => away.agent.membership.profile.attemptsMax === 7, 'it takes the newest')
  const standing = await read()
  assert.equal(standing.version, 2)
  assert.equal(await keyIn(read(), 'network.connectionsMax'), '512')
  assert.equal(await keyIn(read(), 'work.attemptsMax'), '7')
})

test('a host is not slower for what it has started with: its copy of the ledger is older for a while', async () => {
  const mesh = await Mesh.of('config-replay', 3, { files: {} })
  const { follower } = mesh
  for (const count of ['7', '8', '9']) await set(mesh, follower, { 'work.attemptsMax': count })
  const taken = new Set<number | undefined>()
  await mesh.again(follower)
  await mesh.until(() => {
    taken.add(follower.agent.membership.profile.attemptsMax)
    return follower.agent.ledger.state.index >= (mesh.leader?.agent.ledger.state.index ?? 0)
  }, 'it has caught up')
  await mesh.world.runFor(20_000)
  taken.add(follower.agent.membership.profile.attemptsMax)
  assert.deepEqual([...taken], [9])
})

test('what a newer agent has set is left by one that does not know it, which takes the rest and says so', async () => {
  const mesh = await Mesh.of('config-newer', 3, { files: {} })
  const values = { 'work.teleport': 'on', 'work.attemptsMax': '7' }
  const version: Version = { number: 1, values, by: 'ada', atMs: 1, set: [], unset: [] }
  await mesh.ok({ kind: 'batch', value: { commands: [...putVersion(version, 0)] } })
  const { hosts, keys } = await mesh.call(mesh.follower, 'meshConfig', {})
  for (const { left } of hosts)
    assert.deepEqual(
      left.map(({ key, kind }) => [key, kind]),
      [['work.teleport', 'unknown']],
    )
  assert.equal(mesh.follower.agent.membership.profile.attemptsMax, 7)
  assert.equal(keys.find(({ key }) => key === 'work.teleport')?.isSet, true)
  const answer = await mesh.call(mesh.follower, 'setConfig', { body: { unset: ['work.teleport'] } })
  assert.ok(answer.hosts.every(({ left }) => left.length === 0))
})

async function keyIn(
  asked: Promise<{ keys: readonly { key: string; value: string }[] }>,
  key: string,
): Promise<string | undefined> {
  return (await asked).keys.find((each) => each.key === key)?.value
}
