/** Acts come into the audit log: at once, later, or counted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fitted } from '../../coordinator/audit/deed.ts'
import { auditLimits } from '../../coordinator/audit/limits.ts'
import { read } from '../../protocol/ledger/read.ts'
import { mend, partition } from '../../simulations/world/faults.ts'
import { Mesh } from '../history/stage.ts'
import { ada } from '../identity/parties.ts'
import { type Bird, Flock } from '../voters/flock.ts'

const deed = { actor: 'anna', verb: 'node.label', object: 'n1: a=b', outcome: 'ok' }

function entriesOf(bird: Bird | undefined) {
  assert.ok(bird)
  return read(bird.agent.ledger.state, { kind: 'auditList' }).value.items
}

test('whoever begins to lead says so, and who is to vote is written with the reason', async () => {
  const flock = await Flock.of('says-so', 3, 3)
  const { leader } = flock
  const entries = entriesOf(leader)
  const led = entries.filter(({ verb }) => verb === 'ledger.lead')
  assert.equal(led.at(-1)?.actor, leader?.agent.id)
  const voters = entries.filter(({ verb }) => verb === 'ledger.voters')
  assert.equal(voters.at(-1)?.object, 'voters n1, n2, n3')
  assert.match(voters.at(-1)?.reason ?? '', /./)
})

test('an act on the wrong side of a partition is kept on disk and written when the mesh is whole', async () => {
  const flock = await Flock.of('wrong-side', 3, 3)
  const { follower: lonely } = flock
  const others = flock.birds.filter((bird) => bird !== lonely).map(({ host }) => host)
  partition(flock.world, [lonely.host], others)
  await flock.world.runFor(10_000)
  let recorded: string | undefined
  void lonely.audit.record(deed).then((how) => {
    recorded = how
  })
  assert.ok(await flock.until(() => recorded !== undefined, auditLimits.appendTimeoutMs + 1_000))
  assert.equal(recorded, 'waiting')
  // Also over a restart: it is on its disk.
  lonely.host.crash('powerLoss')
  await flock.world.runFor(1_000)
  lonely.host.restart()
  await flock.world.runFor(5_000)
  mend(flock.world, [lonely.host], others)
  const written = () => entriesOf(lonely).filter(({ actor }) => actor === 'anna')
  assert.ok(await flock.until(() => written().length > 0, 60_000))
  const [entry] = written()
  assert.equal(entry?.object, deed.object)
  assert.match(entry?.detail ?? '', /^happened \d{4}-\d\d-\d\dT/)
  assert.ok(await flock.until(() => lonely.audit.waiting === 0, 60_000))
})

test('a flood of refusals is counted, and does not push what was done out of the log', async () => {
  const flock = await Flock.of('flood', 1, 1)
  const [bird] = flock.birds
  assert.ok(bird)
  const before = entriesOf(bird).length
  const refused = { ...deed, outcome: 'refused' }
  for (let i = 0; i < 1_000; i++) void bird.audit.recordRefusal(refused)
  await flock.world.runFor(5_000)
  assert.equal(entriesOf(bird).length - before, auditLimits.refusalsAtOnce)
  void bird.audit.recordRefusal(refused)
  await flock.world.runFor(1_000)
  const { detail } = entriesOf(bird).at(-1) ?? {}
  assert.equal(detail, `${1_000 - auditLimits.refusalsAtOnce} more were refused before this one`)
})

test('a text that is too long is cut between letters, and the act is recorded all the same', async () => {
  const flock = await Flock.of('long', 1, 1)
  const [bird] = flock.birds
  assert.ok(bird)
  void bird.audit.record({ ...deed, object: 'é'.repeat(5_000), detail: '→'.repeat(50_000) })
  await flock.world.runFor(1_000)
  const entry = entriesOf(bird).at(-1)
  assert.match(entry?.object ?? '', /^é+…$/)
  assert.match(entry?.detail ?? '', /^→+…$/)
  assert.equal(fitted(deed).object, deed.object)
})

test('an act that the ledger takes carries its record in the same entry, refused or not', async () => {
  const mesh = await Mesh.of('same-entry', 1)
  const { leader } = mesh
  assert.ok(leader)
  const asked = { parameters: { node: 'n1' }, body: { drained: true, reason: 'work' } }
  await mesh.call(leader, 'drain', asked)
  const items = () => read(leader.agent.ledger.state, { kind: 'auditList' }).value.items
  const drained = items().at(-1)
  assert.equal(drained?.verb, 'node.drain')
  assert.equal(drained?.actor, 'ada')
  assert.equal(drained?.from, `n1, key …${ada.id.slice(-8)}`)
  assert.equal(drained?.reason, 'work')
  assert.equal(drained?.outcome, 'ok')
  const node = read(leader.agent.ledger.state, { kind: 'nodeGet', node: leader.agent.id }).value
  assert.equal(node?.revision, drained?.index)
  const undrain = { ...asked, body: { drained: false, reason: '' } }
  await mesh.call(leader, 'drain', undrain)
  await assert.rejects(mesh.call(leader, 'drain', undrain))
  assert.equal(items().at(-1)?.outcome, 'notFound')
})

test('an act that never gets as far as the ledger is recorded with what came of it', async () => {
  const mesh = await Mesh.of('elsewhere', 1)
  const { leader } = mesh
  assert.ok(leader)
  const parameters = { node: 'n1' }
  await mesh.call(leader, 'labels', { parameters, body: { set: { zone: 'north' }, remove: [] } })
  const items = () => read(leader.agent.ledger.state, { kind: 'auditList' }).value.items
  assert.equal(items().at(-1)?.object, 'n1: zone=north')
  const body = { reason: 'wrong' }
  await assert.rejects(mesh.call(leader, 'killRun', { parameters: { run: 'nosuch' }, body }))
  await mesh.world.runFor(1_000)
  assert.equal(items().at(-1)?.verb, 'run.kill')
  assert.equal(items().at(-1)?.outcome, 'notFound')
  assert.equal(items().at(-1)?.reason, 'wrong', 'why it was asked for')
  assert.match(items().at(-1)?.detail ?? '', /nosuch/, 'and why it was not done')
})
