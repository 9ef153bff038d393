/** Every agent keeps the heads of the audit log that every agent has signed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isHeadOf } from '../../protocol/ledger/audit-heads.ts'
import { read } from '../../protocol/ledger/read.ts'
import { Mesh } from '../history/stage.ts'
import { type Bird, Flock } from '../voters/flock.ts'

const deed = { actor: 'anna', verb: 'node.label', object: 'n1: a=b', outcome: 'ok' }

function keptAt({ agent }: Bird, sequence: number): number {
  const { verify } = agent.settings
  const heads = [...agent.auditHeads.heads()].filter((head) => isHeadOf(head, verify))
  return new Set(heads.filter((h) => h.sequence === sequence).map(({ peer }) => peer)).size
}

test('what one agent holds of the log, all the others can prove, also after they were restarted', async () => {
  const flock = await Flock.of('kept', 4, 3)
  const [first] = flock.birds
  assert.ok(first)
  void first.audit.record(deed)
  const { sequence } = first.agent.ledger.state.auditHead
  const all = () => flock.birds.every((bird) => keptAt(bird, sequence + 1) === flock.birds.length)
  assert.ok(await flock.until(all, 60_000))
  // Long enough for it to be on every disk.
  await flock.world.runFor(15_000)
  for (const { host } of flock.birds) host.crash('kill')
  await flock.world.runFor(1_000)
  for (const { host } of flock.birds) host.restart()
  const started = () => flock.birds.every(({ agent }) => agent.ledger.status() !== undefined)
  assert.ok(await flock.until(started, 60_000))
  assert.ok(await flock.until(() => keptAt(first, sequence + 1) === flock.birds.length, 1_000))
})

test('the heads of one peer stay few, however much is written', async () => {
  const flock = await Flock.of('few', 2, 1)
  const [first] = flock.birds
  assert.ok(first)
  for (let i = 0; i < 40; i++) {
    void first.audit.record(deed)
    await flock.world.runFor(11_000)
  }
  for (const { agent } of flock.birds) {
    const counts = new Map<string, number>()
    for (const { peer } of agent.auditHeads.heads()) counts.set(peer, (counts.get(peer) ?? 0) + 1)
    assert.equal(counts.size, 2)
    for (const count of counts.values()) assert.ok(count <= 9, `${count} heads`)
  }
})

test('any agent says whether the log is whole everywhere, and shows what it holds newest first', async () => {
  const mesh = await Mesh.of('whole', 3)
  const { follower, leader } = mesh
  assert.ok(leader)
  for (let i = 0; i < 5; i++) {
    const body = { set: { round: String(i) }, remove: [] }
    await mesh.call(leader, 'labels', { parameters: { node: leader.host.name }, body })
  }
  await mesh.world.runFor(5_000)
  const { checks, whole } = await mesh.call(follower, 'auditCheck')
  assert.ok(whole)
  assert.equal(checks.length, 3)
  const head = read(leader.agent.ledger.state, { kind: 'status' }).value.auditHead.sequence
  for (const { verdict } of checks) assert.equal(verdict?.upheldTo, head)
  const page = await mesh.call(follower, 'audit', { query: { last: 2, verb: 'node' } })
  assert.deepEqual(
    page.entries.map(({ object }) => object.slice(-7)),
    ['round=4', 'round=3'],
  )
  const rest = await mesh.call(follower, 'audit', {
    query: { last: 10, verb: 'node.label', before: page.next ?? 0 },
  })
  assert.deepEqual(
    rest.entries.map(({ object }) => object.slice(-7)),
    ['round=2', 'round=1', 'round=0'],
  )
  assert.equal(rest.next, undefined)
  const none = await mesh.call(follower, 'audit', { query: { actor: 'nobody' } })
  assert.deepEqual(none.entries, [])
})
