/** By whose word an attempt runs, and that of each only one does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Program, runs } from '../../simulations/world/programs.ts'
import { noop, Stage } from './stage.ts'

const hour = 3_600_000
const programs = { work: runs(5_000), endless: runs(hour), later: runs(100) }

test('an assignment that comes twice is started once, and told again', async () => {
  const stage = await new Stage({ programs }).ready()
  const work = stage.assignment(['work'])
  stage.leader.assign(work, work)
  stage.leader.assign(work)
  await stage.until(() => stage.started('work') === 1, 'it runs')
  stage.leader.assign(work)
  await stage.over(work)
  stage.leader.assign(work)
  await stage.until(() => stage.leader.resultsOf(work).length === 2, 'its end is told again')
  await stage.world.runFor(10_000)
  assert.equal(stage.started('work'), 1)
  assert.equal(stage.leader.refusalOf(work), undefined)
})

test('an assignment that comes again after its result was committed is not begun again', async () => {
  const stage = await new Stage({ programs }).ready()
  stage.leader.commits = true
  const work = stage.assignment(['later'])
  stage.leader.assign(work)
  await stage.over(work)
  await stage.until(() => stage.desk!.uncommitted === 0, 'it is committed')
  stage.leader.assign(work)
  await stage.until(() => stage.leader.refusalOf(work) === 'stale', 'it is refused')
  assert.equal(stage.started('later'), 1)
})

test('a leader of an older term is not listened to, whatever it says', async () => {
  const stage = await new Stage({ programs }).ready()
  const work = stage.assignment(['endless'])
  stage.leader.assign(work)
  await stage.until(() => stage.started('endless') === 1, 'it runs')
  const next = stage.leaderOf(2)
  await stage.world.runFor(10)
  next.askInventory(7)
  await stage.until(() => next.inventories.length === 1, 'the new leader is answered')
  const [{ term, serial, held, last }] = next.inventories as [(typeof next.inventories)[0]]
  assert.deepEqual([term, serial, last], [2, 7, true])
  assert.deepEqual(
    held.map(({ id, state }) => [id, state]),
    [[work.id, 'running']],
  )
  const late = stage.assignment(['work'])
  stage.leader.assign(late)
  stage.leader.cancel(work, true)
  stage.leader.committed(work)
  stage.leader.askInventory(8)
  await stage.world.runFor(10_000)
  assert.equal(stage.started('work'), 0)
  assert.equal(stage.desk!.running, 1)
  assert.equal(stage.leader.inventories.length, 0)
  assert.equal(stage.desk!.refusals().staleTerm, 4)
})

test('of two who claim one term, the first is believed', async () => {
  const stage = await new Stage({ programs }).ready()
  stage.leader.askInventory()
  await stage.until(() => stage.leader.inventories.length === 1, 'it is heard')
  const impostor = stage.leaderOf(1)
  await stage.world.runFor(10)
  impostor.assign(stage.assignment(['work']))
  await stage.world.runFor(10_000)
  assert.equal(stage.started('work'), 0)
})

test('results go to the leader that leads now', async () => {
  const stage = await new Stage({ programs }).ready()
  const [done, work] = [stage.assignment(noop), stage.assignment(['work'])]
  stage.leader.assign(done, work)
  await stage.over(done)
  await stage.until(() => stage.started('work') === 1, 'it runs')
  const next = stage.leaderOf(2)
  await stage.world.runFor(10)
  next.askInventory()
  assert.equal((await stage.over(done, next)).outcome.kind, 'succeeded')
  assert.equal((await stage.over(work, next)).outcome.kind, 'succeeded')
  assert.equal(stage.leader.resultsOf(work).length, 0)
})

test('what others say of the leader is good until a leader speaks for itself', async () => {
  const stage = await new Stage({ programs }).ready()
  const done = stage.assignment(noop)
  stage.leader.assign(done)
  await stage.over(done)
  const next = stage.leaderOf(3)
  await stage.world.runFor(10)
  stage.desk!.leaderKnown(next.host.id, 3)
  assert.equal((await stage.over(done, next)).outcome.kind, 'succeeded')
  stage.desk!.leaderKnown(stage.leader.host.id, 2)
  assert.equal(stage.desk!.leader, next.host.id)
})

test('a newer attempt of the same stage begins when the older one is gone, and not before', async () => {
  const deaf: Program = (self) => {
    self.on('SIGTERM', 'nothing')
    self.after(hour, () => self.exit(0))
  }
  const stage = await new Stage({ programs: { ...programs, deaf } }).ready()
  const older = stage.assignment(['deaf'])
  stage.leader.assign(older)
  await stage.until(() => stage.started('deaf') === 1, 'the older runs')
  const newer = stage.assignment(['later'], { id: { ...older.id, attempt: 2 } })
  stage.leader.assign(newer)
  await stage.until(() => {
    const begun = stage.started('later') === 1
    if (begun) assert.equal(stage.host.processTable.alive, 1, 'it is alone')
    return begun
  }, 'the newer runs')
  assert.equal((await stage.over(newer)).outcome.kind, 'succeeded')
  assert.equal((await stage.over(older)).outcome.kind, 'cancelled')
})

test('an older attempt than the one that is known is refused', async () => {
  const stage = await new Stage({ programs }).ready()
  const older = stage.assignment(['work'])
  const newer = stage.assignment(['endless'], { id: { ...older.id, attempt: 2 } })
  stage.leader.assign(newer)
  await stage.until(() => stage.started('endless') === 1, 'the newer runs')
  stage.leader.assign(older)
  await stage.until(() => stage.leader.refusalOf(older) === 'stale', 'the older is refused')
  await stage.world.runFor(10_000)
  assert.equal(stage.started('work'), 0)
})

test('what the leader calls committed while it runs is ended and forgotten, in silence', async () => {
  const stage = await new Stage({ programs }).ready()
  const work = stage.assignment(['endless'])
  stage.leader.assign(work)
  await stage.until(() => stage.started('endless') === 1, 'it runs')
  stage.leader.committed(work)
  await stage.until(() => stage.desk!.running === 0, 'it is ended')
  await stage.world.runFor(60_000)
  assert.equal(stage.host.processTable.alive, 0)
  assert.equal(stage.leader.resultsOf(work).length, 0)
  assert.equal(stage.desk!.uncommitted, 0)
})

test('an inventory holds all, in as many frames as it takes', async () => {
  const stage = await new Stage({ work: { attemptsMax: 1 } }).ready()
  const sleep = { kind: 'function', value: { module: 'skein:sleep', export: 'f' } } as const
  const all = Array.from({ length: 6_000 }, () => stage.assignment(sleep, { with: '{"for":"1h"}' }))
  for (let i = 0; i < all.length; i += 1_000) stage.leader.assign(...all.slice(i, i + 1_000))
  await stage.until(() => stage.leader.heard.length >= 6_000, 'all are answered')
  stage.leader.askInventory(5)
  await stage.until(() => stage.leader.inventories.at(-1)?.last === true, 'the last has come')
  const { inventories } = stage.leader
  assert.ok(inventories.length > 1)
  assert.ok(inventories.every(({ serial }) => serial === 5))
  const accepted = stage.leader.heard.filter(({ news }) => news.kind === 'accepted').length
  assert.equal(
    inventories.reduce((sum, { held }) => sum + held.length, 0),
    accepted,
  )
})
