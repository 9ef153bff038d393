/** A host is revoked in the middle of a mesh: alone at once, replaced where it voted, for good. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readReply } from '../../coordinator/api/calls.ts'
import type { ApiRefusal } from '../../coordinator/api/refusal.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { type Member, Mesh } from '../history/stage.ts'
import { revokingCall } from '../identity/revoking.ts'

const keyOf = ({ agent }: Member): string => agent.settings.keyOf(agent.id)

const revoke = (mesh: Mesh, at: Member, whom: Member): Promise<void> =>
  revokeKey(mesh, at, keyOf(whom))

async function revokeKey(mesh: Mesh, at: Member, key: string): Promise<void> {
  const nowMs = at.agent.ports.clock.wall()
  const call = revokingCall(key, {
    reason: 'stolen',
    holder: { notBeforeMs: 0, notAfterMs: 9e12 },
    command: { issuedMs: nowMs, expiresMs: nowMs + 30_000 },
  })
  const { signal } = new AbortController()
  readReply('revokeNode', await mesh.answer(at.api.answer(call, signal)))
}

const eventsOf = ({ agent }: Member, kind: string): string[] =>
  [...agent.journal.past(0, 1_000)].filter((event) => event.kind === kind).map(({ text }) => text)

const othersOf = (mesh: Mesh, gone: Member): Member[] =>
  mesh.members.filter((member) => member !== gone)

const isAlone = ({ agent }: Member, among: readonly Member[]): boolean =>
  agent.peers.connected().length === 0 &&
  among.every((other) => !other.agent.peers.connected().includes(agent.id))

const votersOf = (mesh: Mesh): string[] =>
  (mesh.leader?.agent.ledger.status()?.config.voters ?? []).map(({ id }) => id)

async function isGoneForGood(mesh: Mesh, gone: Member, wanted: number): Promise<void> {
  const others = othersOf(mesh, gone)
  const knows = () => others.every(({ agent }) => agent.revokedPeer(gone.agent.id) !== undefined)
  await mesh.until(knows, 'all others know', 5_000)
  await mesh.until(() => isAlone(gone, others), 'it is alone', 5_000)
  const voted = () => votersOf(mesh).length === wanted && !votersOf(mesh).includes(gone.agent.id)
  await mesh.until(voted, `${wanted} others vote`, 60_000)
  for (const other of others) {
    assert.deepEqual(eventsOf(other, 'node.revoked'), [
      `${gone.host.name} was revoked by ada: stolen`,
    ])
  }
  await mesh.until(() => eventsOf(gone, 'self.revoked').length > 0, 'it says why', 60_000)
  assert.match(eventsOf(gone, 'self.revoked')[0] ?? '', /this host was revoked by ada: stolen/)
  const { nodes } = await mesh.call(others[0]!, 'nodes')
  const shown = nodes.find(({ id }) => id === gone.agent.id)
  assert.equal(shown?.revoked?.reason, 'stolen')
}

for (const seed of ['one', 'two', 'three']) {
  test(`a voter that is revoked is alone at once and replaced, and the mesh goes on (${seed})`, async () => {
    const mesh = await Mesh.of(`revoked-${seed}`, 6)
    const voters = new Set(votersOf(mesh))
    const gone = mesh.members.find(
      (member) => member !== mesh.leader && voters.has(member.agent.id),
    ) as Member
    await revoke(mesh, othersOf(mesh, gone)[1]!, gone)
    await isGoneForGood(mesh, gone, 5)
    await mesh.ended('after')
  })

  test(`a leader that is revoked leads no more, and another takes its place (${seed})`, async () => {
    const mesh = await Mesh.of(`revoked-leader-${seed}`, 6)
    const gone = mesh.leader as Member
    await revoke(mesh, othersOf(mesh, gone)[0]!, gone)
    const isLed = () => othersOf(mesh, gone).some(({ agent }) => agent.ledger.leads)
    await mesh.until(isLed, 'another leads', 30_000)
    await mesh.until(() => !gone.agent.ledger.leads, 'it knows', 30_000)
    await isGoneForGood(mesh, gone, 5)
  })
}

test('what ran on a revoked host is tried elsewhere, and it is given nothing more', async () => {
  let isFirst = true
  const mesh: Mesh = await Mesh.of('revoked-work', 4, {
    schedules: true,
    programs: {
      prog: (self) => {
        const isLong = isFirst
        isFirst = false
        self.after(isLong ? 600_000 : 100, () => self.exit(0))
      },
    },
  })
  const workflow =
    'apiVersion: skein/v1\nkind: Workflow\nname: w\nstages:\n  a: { run: [prog], retry: { attempts: 3 } }\n'
  const { run } = await mesh.call(mesh.follower, 'startRun', { body: { workflow } })
  const unit = () => mesh.hot(run.id)?.units.find(({ stage }) => stage === 'a')
  await mesh.until(() => unit()?.state === 'assigned', 'it runs')
  const gone = mesh.members.find(({ agent }) => agent.id === unit()?.node) as Member
  await revoke(mesh, othersOf(mesh, gone)[0]!, gone)
  const ended = () => mesh.hot(run.id)?.head.state === 'succeeded'
  await mesh.until(ended, 'it is tried elsewhere, and ends', 60_000)
  assert.notEqual(unit()?.node, gone.agent.id)
})

test('a host that begins again refuses whom the mesh revoked, before it hears of the ledger', async () => {
  const mesh = await Mesh.of('revoked-restart', 5)
  const gone = mesh.members.find((member) => member !== mesh.leader) as Member
  const [keeper, ...rest] = othersOf(mesh, gone) as [Member, ...Member[]]
  await revoke(mesh, keeper, gone)
  await isGoneForGood(mesh, gone, 3)
  for (const { host } of rest) host.crash('powerLoss')
  keeper.host.crash('powerLoss')
  keeper.host.restart()
  await mesh.world.runFor(20_000)
  assert.equal(keeper.agent.ledger.leads, false)
  assert.ok(keeper.agent.revokedPeer(gone.agent.id))
  // It may have come this very moment, and be about to be turned away.
  await mesh.until(() => isAlone(gone, [keeper]), 'it is alone', 1_000)
  assert.ok((keeper.agent.peers.refusals().trustRevoked ?? 0) > 0)
})

test('a host that has lost the ledger hears of it from its peers, each of which checks it', async () => {
  const mesh = await Mesh.of('revoked-gossip', 5)
  const [deaf, gone] = mesh.members.filter((member) => member !== mesh.leader) as [Member, Member]
  await mesh.answer(deaf.agent.modules.stop('ledger'))
  await revoke(mesh, mesh.leader!, gone)
  const { id } = gone.agent
  await mesh.until(() => deaf.agent.revokedPeer(id) !== undefined, 'it has heard', 5_000)
  await mesh.until(() => isAlone(gone, [deaf]), 'and turns it away', 5_000)
})

test('a voter without which nothing could be decided is not revoked, and one that is no key is none', async () => {
  const mesh = await Mesh.of('revoked-majority', 3)
  const [a, b] = mesh.members.filter((member) => member !== mesh.leader) as [Member, Member]
  b.host.crash('kill')
  const isDead = () =>
    mesh.leader?.agent.membership
      .members()
      .some(({ id, state }) => id === b.agent.id && state === 'dead') ?? false
  await mesh.until(isDead, 'it is called dead', 60_000)
  await assert.rejects(revoke(mesh, mesh.leader!, a), (error: ApiRefusal) => {
    assert.equal(error.code, 'conflict')
    return /it votes, and without it 1 of 3 voters are here/.test(error.why)
  })
  assert.equal(mesh.leader?.agent.revokedPeer(a.agent.id), undefined)
})

test('an issuing key is no host, and is not revoked as one', async () => {
  const mesh = await Mesh.of('revoked-issuer', 1)
  const [member] = mesh.members as [Member]
  const { issuers, root, byRoot, unseen } = await mesh.call(member, 'keys')
  assert.deepEqual([issuers.map(({ hosts }) => hosts), byRoot, unseen], [[['n1']], [], []])
  assert.equal(meshIdOf(root as PeerId), member.agent.trust.mesh)
  const key = issuers[0]?.id as string
  await assert.rejects(revokeKey(mesh, member, key), { code: 'conflict' })
  assert.equal(member.agent.trust.isRevoked(key), false)
})

test('of each issuing key it is told which hosts hang on it, but not of those that are revoked', async () => {
  const mesh = await Mesh.of('keys', 4)
  const gone = mesh.members.find((member) => member !== mesh.leader) as Member
  const [asked] = othersOf(mesh, gone) as [Member]
  const hosts = async () => (await mesh.call(asked, 'keys')).issuers.map((key) => key.hosts)
  assert.deepEqual(await hosts(), [['n1', 'n2', 'n3', 'n4']])
  await revoke(mesh, asked, gone)
  const left = othersOf(mesh, gone).map(({ host }) => host.name)
  assert.deepEqual(await hosts(), [left])
})
