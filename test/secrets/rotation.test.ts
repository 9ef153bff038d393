/**
 * Another key takes the place of the key of secrets, in the simulated world: everything is sealed
 * under it whoever dies meanwhile, and who had the one before opens nothing that is written after.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { callOf, readReply } from '../../coordinator/api/calls.ts'
import { ISSUING } from '../../coordinator/joining/wire.ts'
import {
  copyFor,
  formerHoldersOf,
  holdersOf,
  keysInUse,
  meshKeyIn,
} from '../../coordinator/secrets/key-rows.ts'
import { MeshKey } from '../../coordinator/secrets/mesh-key.ts'
import { type PlaceName, sealedRows, standingUnder } from '../../coordinator/secrets/places.ts'
import { type MeshKeyId, sealingIn, unnamedKey } from '../../coordinator/secrets/sealed.ts'
import {
  aboutMeshKey,
  COPY_PREFIX,
  KEY_PREFIX,
  MADE_KEY,
  NAMESPACE,
  ONCE_PREFIX,
  SecretRow,
  VALUE_PREFIX,
} from '../../coordinator/secrets/wire.ts'
import { NAMESPACE as SWARM } from '../../coordinator/swarm/wire.ts'
import {
  openedUnder,
  sealedTo,
  sealedUnder,
  sealingKeyOf,
} from '../../protocol/identity/sealing.ts'
import { kvRows } from '../../protocol/ledger/kv-rows.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { type Member, Mesh } from '../history/stage.ts'
import { revokingCall } from '../identity/revoking.ts'

const names = ['deploy', 'registry', 'signing']
const textOf = (name: string) => `${name}-correct-horse-battery`

const workflow = `apiVersion: skein/v1
kind: Workflow
name: w
stages:
  a: { run: [prog], secrets: { TOKEN: deploy } }
  b: { needs: [a], run: [prog], secrets: { TOKEN: registry } }
`

interface Staged {
  mesh: Mesh
  /** What programs found in their environment. */
  found: (string | undefined)[]
}

/** A mesh with three secrets, an issuing key and a swarm key in its ledger. */
async function staged(seed: string, size = 3): Promise<Staged> {
  const found: (string | undefined)[] = []
  const mesh = await Mesh.of(seed, size, {
    schedules: true,
    letsIn: true,
    programs: {
      prog: (self) => {
        found.push(self.env.TOKEN)
        self.after(500, () => self.exit(0))
      },
    },
  })
  for (const name of names) await set(mesh, mesh.follower, name)
  await mesh.call(mesh.leader!, 'rotateSwarmKey')
  const places = () => new Set([...sealedRows(stateOf(mesh))].map(({ place }) => place))
  await mesh.until(() => places().size === 3, 'all three stand there')
  const voters = mesh.leader!.agent.ledger.status()!.config.voters.length
  await mesh.until(() => holdersOf(stateOf(mesh), idOf(mesh)).length === voters, 'all have it')
  return { mesh, found }
}

const stateOf = (mesh: Mesh, member: Member = mesh.leader!): LedgerState =>
  member.agent.ledger.state
const idOf = (mesh: Mesh): MeshKeyId => meshKeyIn(stateOf(mesh))!.id

async function set(mesh: Mesh, member: Member, name: string, value = textOf(name)): Promise<void> {
  await mesh.answer(asked(member, name, value))
}

/** Answered while the world goes on; never, by an agent that is killed. */
async function asked({ api }: Member, name: string, value = textOf(name)): Promise<void> {
  const body = { value: Buffer.from(value).toString('base64') }
  const call = callOf('setSecret', { parameters: { secret: name }, body })
  readReply('setSecret', await api.answer(call, new AbortController().signal))
}

const begun = async (mesh: Mesh, member: Member): Promise<string> =>
  (await mesh.call(member, 'startRun', { body: { workflow } })).run.id

async function succeeded(mesh: Mesh, run: string): Promise<void> {
  const state = () => mesh.leader && mesh.hot(run, mesh.leader)?.head.state
  await mesh.until(() => ['succeeded', 'failed'].includes(state() ?? ''), 'it is over', 180_000)
  assert.equal(state(), 'succeeded')
}

/** Until another key than that one is there, and it alone. */
async function replaced(mesh: Mesh, was: MeshKeyId): Promise<void> {
  const isOver = () => {
    const key = mesh.leader && meshKeyIn(stateOf(mesh))
    return key !== undefined && key.id !== was && key.was === undefined
  }
  await mesh.until(isOver, 'another key has taken its place', 180_000)
  const { state } = mesh.leader!.agent.ledger
  assert.deepEqual(standingUnder(state, was), [])
  const gone = () =>
    ![KEY_PREFIX, COPY_PREFIX, ONCE_PREFIX].some((prefix) =>
      [...kvRows(stateOf(mesh), NAMESPACE, prefix)].some(
        ({ key }) => !keysInUse(stateOf(mesh)).some((id) => key.includes(id)),
      ),
    )
  await mesh.until(gone, 'nothing tells of the one before')
}

/** Until another one is there, and so few values are left under that one; the world in small steps. */
async function underWay(
  mesh: Mesh,
  was: MeshKeyId,
  left = Number.POSITIVE_INFINITY,
): Promise<void> {
  const endMs = mesh.world.nowMs + 60_000
  const isThere = () =>
    mesh.leader !== undefined &&
    meshKeyIn(stateOf(mesh))?.was === was &&
    standingUnder(stateOf(mesh), was).length <= left
  while (!isThere() && mesh.world.nowMs < endMs) await mesh.world.runFor(1)
  assert.ok(isThere(), `${left} are left under the key before`)
}

/** The bytes of a key, as that host can open its copy of it. */
function bytesOf(mesh: Mesh, { agent }: Member, id: MeshKeyId): Uint8Array {
  const copy = copyFor(stateOf(mesh), id, agent.id)
  const key = copy && sealingKeyOf(agent.settings.signer).open(copy, aboutMeshKey(id))
  assert.ok(key)
  return key
}

/** What those bytes open of all that stands in the ledger, by place. */
function openedBy(mesh: Mesh, key: Uint8Array): PlaceName[] {
  return [...sealedRows(stateOf(mesh))]
    .filter(({ sealing, about }) => openedUnder(key, sealing.sealed, about) !== undefined)
    .map(({ place }) => place)
}

const allPlaces: PlaceName[] = [...names.map(() => 'secrets' as const), 'issuing key', 'swarm key']

async function revoke(mesh: Mesh, at: Member, whom: Member, hadKey = true): Promise<void> {
  const nowMs = at.agent.ports.clock.wall()
  const call = revokingCall(whom.agent.settings.keyOf(whom.agent.id), {
    reason: 'stolen',
    holder: { notBeforeMs: 0, notAfterMs: 9e12 },
    command: { issuedMs: nowMs, expiresMs: nowMs + 30_000 },
  })
  const { signal } = new AbortController()
  const answer = readReply('revokeNode', await mesh.answer(at.api.answer(call, signal)))
  assert.equal(answer.hadSecretsKey, hadKey)
}

const voterOf = (mesh: Mesh): Member => {
  const voters = mesh.leader!.agent.ledger.status()!.config.voters.map(({ id }) => id)
  const voter = mesh.members.find(
    (member) => member !== mesh.leader && voters.includes(member.agent.id),
  )
  assert.ok(voter)
  return voter
}

const keyIn = async (mesh: Mesh) => (await mesh.call(mesh.follower, 'keys')).secrets!

test('everything is sealed under another key, stages open theirs all the while, and the old one is forgotten', async () => {
  const { mesh, found } = await staged('replaced')
  const was = idOf(mesh)
  const key = bytesOf(mesh, mesh.leader!, was)
  assert.deepEqual(openedBy(mesh, key).sort(), [...allPlaces].sort())
  const inMemory = new MeshKey(mesh.leader!.agent)
  const [row] = sealedRows(stateOf(mesh))
  assert.ok(await mesh.answer(inMemory.open(row!.packed, row!.about)))
  assert.equal((await mesh.call(mesh.follower, 'rotateSecretsKey')).was, was)
  const run = await begun(mesh, mesh.follower)
  await replaced(mesh, was)
  await succeeded(mesh, run)
  await succeeded(mesh, await begun(mesh, mesh.follower))
  const both = [textOf('deploy'), textOf('registry')]
  assert.deepEqual(found, [...both, ...both])
  assert.deepEqual(openedBy(mesh, key), [])
  assert.equal(await mesh.answer(inMemory.open(row!.packed, row!.about)), undefined)
  const told = await keyIn(mesh)
  assert.deepEqual(told.read, { secrets: names, issuing: true, swarm: true })
  assert.deepEqual([told.by, told.why, told.left, told.kept], ['ada', 'it was asked for', 0, 5])
  await set(mesh, mesh.follower, 'registry', 'another-horse-battery')
  assert.deepEqual((await keyIn(mesh)).read.secrets, ['deploy', 'signing'])
  const steps = (await mesh.lines(mesh.leader!, 'auditExport'))
    .map((line) => JSON.stringify(line))
    .filter((line) => line.includes('secretsKey.'))
  assert.equal(steps.length, 2)
})

test('when a voter is revoked another key comes by itself, and the one that it had opens nothing of then or later', async () => {
  const { mesh, found } = await staged('revoked', 4)
  const was = idOf(mesh)
  const thief = voterOf(mesh)
  const stolen = bytesOf(mesh, thief, was)
  assert.deepEqual(openedBy(mesh, stolen).sort(), [...allPlaces].sort())
  const at = mesh.members.find((member) => member !== thief)!
  await revoke(mesh, at, thief)
  await replaced(mesh, was)
  await set(mesh, at, 'deploy', 'not-for-the-thief')
  await succeeded(mesh, await begun(mesh, at))
  assert.deepEqual(found, ['not-for-the-thief', textOf('registry')])
  assert.deepEqual(openedBy(mesh, stolen), [])
  // Nor is there anything for it to open the new one with, anywhere.
  const own = sealingKeyOf(thief.agent.settings.signer)
  for (const namespace of [NAMESPACE, ISSUING, SWARM]) {
    for (const { key, value } of kvRows(stateOf(mesh), namespace, '')) {
      assert.ok(!key.includes(thief.agent.id), key)
      for (const id of [was, idOf(mesh)]) assert.equal(own.open(value, aboutMeshKey(id)), undefined)
      assert.ok(!Buffer.from(value).includes(Buffer.from(stolen)))
    }
  }
  const { secrets: told } = await mesh.call(at, 'keys')
  assert.equal(told?.why, `${thief.host.name} had the one before and was revoked`)
  assert.deepEqual(told?.revoked, [])
  const kindsAt = ({ agent }: Member) =>
    [...agent.journal.past(0, 1_000)]
      .map(({ kind }) => kind)
      .filter((kind) => kind.startsWith('secretsKey.'))
  const others = mesh.members.filter((member) => member !== thief)
  const isTold = (member: Member) => kindsAt(member).length === 2
  await mesh.until(() => others.every(isTold), 'every host tells of it')
  for (const member of others) {
    assert.deepEqual(kindsAt(member), ['secretsKey.made', 'secretsKey.alone'])
  }
  assert.deepEqual(kindsAt(thief), [])
})

test('a leader that is revoked is replaced, and whoever leads then makes another key', async () => {
  const { mesh } = await staged('revoked leader', 5)
  const was = idOf(mesh)
  const thief = mesh.leader!
  const stolen = bytesOf(mesh, thief, was)
  const at = mesh.members.find((member) => member !== thief)!
  await revoke(mesh, at, thief)
  const led = () => mesh.members.find((member) => member !== thief && member.agent.ledger.leads)
  const idAt = (member = led()) => member && meshKeyIn(member.agent.ledger.state)
  await mesh.until(() => idAt() !== undefined && idAt()?.id !== was, 'there is another', 120_000)
  await mesh.until(() => idAt() !== undefined && idAt()?.was === undefined, 'it is alone', 120_000)
  for (const { sealing, about } of sealedRows(stateOf(mesh, led()!))) {
    assert.equal(openedUnder(stolen, sealing.sealed, about), undefined)
  }
  await mesh.until(() => !thief.agent.ledger.leads, 'it knows')
})

test('a host that is revoked while another key comes, of which it has a copy, is left behind by one more', async () => {
  const { mesh } = await staged('revoked meanwhile', 5)
  const was = idOf(mesh)
  const thief = voterOf(mesh)
  await mesh.call(mesh.leader!, 'rotateSecretsKey')
  await underWay(mesh, was)
  const second = idOf(mesh)
  const stolen = bytesOf(mesh, thief, second)
  await revoke(mesh, mesh.leader!, thief)
  await replaced(mesh, second)
  assert.notEqual(idOf(mesh), was)
  assert.deepEqual(openedBy(mesh, stolen), [])
  assert.equal(openedBy(mesh, bytesOf(mesh, mesh.leader!, idOf(mesh))).length, 5)
})

test('a host that voted once is known to have had the key, and when it is revoked later another comes', async () => {
  const { mesh } = await staged('demoted', 4)
  const was = idOf(mesh)
  const former = voterOf(mesh)
  const parameters = { node: former.agent.id }
  await mesh.call(mesh.leader!, 'voting', { parameters, body: { votes: 'never' } })
  const isFormer = () => formerHoldersOf(stateOf(mesh), was).includes(former.agent.id)
  await mesh.until(isFormer, 'its copy is taken, and it stays written down', 120_000)
  assert.ok(copyFor(stateOf(mesh), was, former.agent.id) === undefined)
  const { secrets: told } = await mesh.call(mesh.leader!, 'keys')
  assert.deepEqual(told?.former, [former.host.name])
  const heir = mesh.members.find(({ agent }) => holdersOf(stateOf(mesh), was).includes(agent.id))
  assert.ok(heir, 'who came to vote has a copy')
  assert.equal(idOf(mesh), was, 'a demotion alone is no reason for another key')
  await revoke(mesh, mesh.members.find((member) => member !== former)!, former)
  await replaced(mesh, was)
})

test('a host that never had the key is revoked, and the key stays', async () => {
  const { mesh } = await staged('never', 4)
  const was = idOf(mesh)
  const holders = holdersOf(stateOf(mesh), was)
  const agent = mesh.members.find((member) => !holders.includes(member.agent.id))!
  await revoke(mesh, mesh.leader!, agent, false)
  await mesh.world.runFor(30_000)
  assert.equal(idOf(mesh), was)
})

test('who comes to vote later has the new key, and a voter that was away gets it when it is back', async () => {
  const { mesh, found } = await staged('later', 4)
  const was = idOf(mesh)
  const away = voterOf(mesh)
  away.host.crash('kill')
  await mesh.call(mesh.leader!, 'rotateSecretsKey')
  await replaced(mesh, was)
  away.host.restart()
  const has = () =>
    mesh.leader !== undefined &&
    mesh.leader.agent.ledger
      .status()!
      .config.voters.every(({ id }) => holdersOf(stateOf(mesh), idOf(mesh)).includes(id))
  await mesh.until(() => mesh.members.every(({ host }) => host.state === 'up') && has(), 'all have')
  const first = mesh.leader!
  const parameters = { node: first.agent.id }
  await mesh.call(first, 'voting', { parameters, body: { votes: 'never' } })
  const another = () => mesh.leader !== undefined && mesh.leader !== first
  await mesh.until(another, 'another leads', 120_000)
  await mesh.until(has, 'all who vote have it', 120_000)
  await succeeded(mesh, await begun(mesh, mesh.leader!))
  assert.equal(found.length, 2)
})

test('a leader without a copy is written down, and told the key by another voter', async () => {
  const { mesh, found } = await staged('told')
  const was = idOf(mesh)
  const heir = voterOf(mesh)
  heir.host.crash('kill')
  await mesh.call(mesh.leader!, 'rotateSecretsKey')
  await replaced(mesh, was)
  const id = idOf(mesh)
  const last = mesh.leader!
  await mesh.again(heir)
  const knows = () => meshKeyIn(stateOf(mesh, heir))?.id === id
  const endMs = mesh.world.nowMs + 60_000
  while (!knows() && mesh.world.nowMs < endMs) await mesh.world.runFor(1)
  last.agent.ledger.transfer(heir.agent.id)
  while (!heir.agent.ledger.leads && mesh.world.nowMs < endMs) await mesh.world.runFor(1)
  assert.equal(copyFor(stateOf(mesh, heir), id, heir.agent.id), undefined)
  await set(mesh, heir, 'deploy', 'set-by-the-heir-itself')
  await mesh.until(() => holdersOf(stateOf(mesh), id).length === 3, 'it has its own copy')
  assert.equal(idOf(mesh), id)
  await succeeded(mesh, await begun(mesh, heir))
  assert.deepEqual(found, ['set-by-the-heir-itself', textOf('registry')])
})

test('all hosts lose their power in the middle, and go on from what the ledger has', async () => {
  const { mesh, found } = await staged('power')
  const was = idOf(mesh)
  for (let i = 0; i < 20; i++) await set(mesh, mesh.leader!, `many-${i}`)
  await mesh.call(mesh.leader!, 'rotateSecretsKey')
  await underWay(mesh, was, 12)
  for (const { host } of mesh.members) host.crash('powerLoss')
  for (const { host } of mesh.members) host.restart()
  await mesh.until(() => mesh.leader !== undefined, 'somebody leads', 120_000)
  await replaced(mesh, was)
  assert.equal(openedBy(mesh, bytesOf(mesh, mesh.leader!, idOf(mesh))).length, 25)
  await succeeded(mesh, await begun(mesh, mesh.leader!))
  assert.equal(found.length, 2)
})

test('without most of the voters no other key is made, and it comes when they are back', async () => {
  const { mesh } = await staged('few', 5)
  const was = idOf(mesh)
  await mesh.call(mesh.leader!, 'rotateSecretsKey')
  const others = mesh.members.filter((member) => member !== mesh.leader)
  for (const member of others.slice(0, 3)) member.host.crash('kill')
  await mesh.world.runFor(20_000)
  for (const { agent, host } of mesh.members) {
    if (host.state === 'up') assert.equal(meshKeyIn(agent.ledger.state)?.id, was)
  }
  for (const member of others.slice(0, 3)) member.host.restart()
  await mesh.until(() => mesh.leader !== undefined, 'somebody leads', 120_000)
  await replaced(mesh, was)
})

test('a mesh from before keys had an id opens what it has, and goes over to a key with one', async () => {
  const { mesh, found } = await staged('unnamed')
  const { state } = mesh.leader!.agent.ledger
  const key = bytesOf(mesh, mesh.leader!, idOf(mesh))
  // As it stood then: no id anywhere, and copies for voters under another name.
  const entropy = mesh.leader!.agent.ports.entropy.stream('test')
  for (const row of sealedRows(state)) {
    const value = openedUnder(key, row.sealing.sealed, row.about)!
    await mesh.do(row.with(sealedUnder(key, value, row.about, entropy.bytes(12))))
  }
  for (const { agent } of mesh.members) {
    const { publicKey } = sealingKeyOf(agent.settings.signer)
    const value = sealedTo(publicKey, key, aboutMeshKey(unnamedKey), entropy.bytes(44))
    const put = { namespace: NAMESPACE, key: KEY_PREFIX + agent.id, value }
    await mesh.do({ kind: 'kvPut', value: put })
  }
  const made = { namespace: NAMESPACE, key: MADE_KEY, value: new Uint8Array(0) }
  await mesh.do({ kind: 'kvPut', value: made })
  await mesh.world.runFor(5_000)
  assert.equal(idOf(mesh), unnamedKey)
  await succeeded(mesh, await begun(mesh, mesh.follower))
  await mesh.call(mesh.follower, 'rotateSecretsKey')
  await replaced(mesh, unnamedKey)
  await succeeded(mesh, await begun(mesh, mesh.follower))
  assert.equal(found.length, 4)
  assert.deepEqual(openedBy(mesh, key), [])
})

test('what no key opens does not keep the old one in use', async () => {
  const { mesh } = await staged('spoilt')
  const was = idOf(mesh)
  const spoilt = [...sealedRows(stateOf(mesh))].find(({ key }) => key === `${VALUE_PREFIX}deploy`)!
  const packed = spoilt.packed.slice()
  packed[packed.length - 1]! ^= 1
  assert.equal(sealingIn(packed).key, was)
  const value = encode(SecretRow, { sealed: packed, by: 'ada', atMs: 0 })
  await mesh.do({
    kind: 'kvPut',
    value: { namespace: NAMESPACE, key: `${VALUE_PREFIX}deploy`, value },
  })
  await mesh.call(mesh.leader!, 'rotateSecretsKey')
  await mesh.until(() => meshKeyIn(stateOf(mesh))?.id !== was, 'there is another')
  await mesh.until(() => meshKeyIn(stateOf(mesh))?.was === undefined, 'it is alone')
  assert.deepEqual(
    standingUnder(stateOf(mesh), was).map(({ key }) => key),
    [`${VALUE_PREFIX}deploy`],
  )
})

for (const left of [20, 1]) {
  test(`whoever leads is killed with ${left} of 25 values still under the old key, and the next one ends it`, async () => {
    const { mesh, found } = await staged(`killed ${left}`, 5)
    for (let i = 0; i < 20; i++) await set(mesh, mesh.leader!, `many-${i}`)
    const was = idOf(mesh)
    const old = bytesOf(mesh, mesh.leader!, was)
    await mesh.call(mesh.follower, 'rotateSecretsKey')
    await underWay(mesh, was, left)
    const killed = mesh.leader!
    const run = await begun(mesh, killed)
    await mesh.again(killed)
    await replaced(mesh, was)
    assert.deepEqual(openedBy(mesh, old), [])
    assert.equal(openedBy(mesh, bytesOf(mesh, mesh.leader!, idOf(mesh))).length, 25)
    await succeeded(mesh, run)
    assert.deepEqual(new Set(found), new Set([textOf('deploy'), textOf('registry')]))
  })
}

test('two are never replaced at once, and a mesh without a key has none to replace', async () => {
  const { mesh } = await staged('once')
  const refused = { code: 'conflict' }
  const was = idOf(mesh)
  await mesh.call(mesh.leader!, 'rotateSecretsKey')
  await underWay(mesh, was)
  await assert.rejects(mesh.call(mesh.leader!, 'rotateSecretsKey'), refused)
  await replaced(mesh, was)
  const none = await Mesh.of('none', 1, { schedules: true })
  await assert.rejects(none.call(none.leader!, 'rotateSecretsKey'), refused)
})

test('whoever dies, leads or sets a secret meanwhile: one key is left, under which all stands as it was set', async () => {
  const blow = fc.record({
    afterMs: fc.integer({ min: 0, max: 60 }),
    victim: fc.integer({ min: 0, max: 4 }),
    leads: fc.boolean(),
    sets: fc.boolean(),
    awayMs: fc.integer({ min: 0, max: 8_000 }),
  })
  const blows = fc.array(blow, { minLength: 1, maxLength: 5 })
  let meshes = 0
  await fc.assert(
    fc.asyncProperty(blows, async (struck) => {
      const { mesh, found } = await staged(`struck ${meshes++}`, 5)
      const many = Array.from({ length: 40 }, (_, i) => `many-${i}`)
      for (const name of many) await set(mesh, mesh.leader!, name)
      const was = idOf(mesh)
      const old = bytesOf(mesh, mesh.leader!, was)
      const values = new Map([...names, ...many].map((name) => [name, textOf(name)]))
      await mesh.call(mesh.leader!, 'rotateSecretsKey')
      const run = await begun(mesh, mesh.leader!)
      await underWay(mesh, was)
      for (const [i, { afterMs, victim, leads, sets, awayMs }] of struck.entries()) {
        await mesh.world.runFor(afterMs)
        const name = `late-${i}`
        const up = mesh.members.find(
          (member) => member.host.state === 'up' && member.agent.ledger.status() !== undefined,
        )
        if (sets && up !== undefined) {
          asked(up, name).then(
            () => values.set(name, textOf(name)),
            () => undefined,
          )
        }
        const { host } = (leads ? mesh.leader : undefined) ?? mesh.members[victim]!
        if (host.state === 'up') {
          host.crash('kill')
          await mesh.world.runFor(awayMs)
          host.restart()
        }
      }
      await mesh.until(() => mesh.members.every(({ host }) => host.state === 'up'), 'all are up')
      await mesh.until(() => mesh.leader !== undefined, 'somebody leads')
      await replaced(mesh, was)
      assert.deepEqual(openedBy(mesh, old), [])
      const key = bytesOf(mesh, mesh.leader!, idOf(mesh))
      for (const [name, value] of values) {
        const row = [...sealedRows(stateOf(mesh))].find((each) => each.key === VALUE_PREFIX + name)
        const opened = row && openedUnder(key, row.sealing.sealed, row.about)
        assert.equal(opened && Buffer.from(opened).toString(), value, name)
      }
      for (const { place, about, sealing } of sealedRows(stateOf(mesh))) {
        assert.ok(openedUnder(key, sealing.sealed, about), place)
      }
      await succeeded(mesh, run)
      assert.ok(found.includes(textOf('deploy')) && found.includes(textOf('registry')))
    }),
    { numRuns: 12 },
  )
})
