/** That an agent takes no more than it can hold, says so, and repeats what it has to say. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deskLimits, stepLimits } from '../../agent/work/limits.ts'
import { type Program, runs } from '../../simulations/world/programs.ts'
import { noop, Stage } from './stage.ts'

const programs = { work: runs(1_000), endless: runs(3_600_000) }

test('a result is told again and again, ever more seldom, until it is committed', async () => {
  const stage = await new Stage().ready()
  const done = stage.assignment(noop)
  stage.leader.assign(done)
  await stage.over(done)
  const counts: number[] = []
  for (let minute = 0; minute < 3; minute++) {
    await stage.world.runFor(60_000)
    counts.push(stage.leader.resultsOf(done).length)
  }
  assert.ok(counts[0]! >= 6 && counts[0]! <= 12, `${counts[0]} times in the first minute`)
  assert.ok(counts[2]! - counts[1]! >= 3, 'it goes on')
  assert.ok(counts[2]! - counts[1]! < counts[0]!, 'and slows down')
  stage.leader.committed(done)
  await stage.until(() => stage.desk!.uncommitted === 0, 'it is forgotten')
  const told = stage.leader.resultsOf(done).length
  await stage.world.runFor(60_000)
  assert.equal(stage.leader.resultsOf(done).length, told)
})

test('a result that found no way is told when there is one', async () => {
  const stage = await new Stage({ programs }).ready()
  const work = stage.assignment(['work'])
  stage.leader.assign(work)
  await stage.until(() => stage.started('work') === 1, 'it runs')
  stage.world.wires.cut(stage.host, stage.leader.host)
  stage.world.wires.cut(stage.leader.host, stage.host)
  await stage.world.runFor(60_000)
  assert.equal(stage.leader.resultsOf(work).length, 0)
  stage.world.wires.healAll()
  assert.equal((await stage.over(work)).outcome.kind, 'succeeded')
})

test('as many run at once as may, in the order in which they came', async () => {
  const stage = await new Stage({ programs, work: { attemptsMax: 2 } }).ready()
  const all = Array.from({ length: 6 }, () => stage.assignment(['work']))
  stage.leader.assign(...all)
  let most = 0
  await stage.until(() => {
    most = Math.max(most, stage.host.processTable.alive)
    return all.every((each) => stage.leader.resultsOf(each).length > 0)
  }, 'all are over')
  assert.equal(most, 2)
  const ends = stage.leader.heard.filter(({ news }) => news.kind === 'finished')
  const order = [...new Set(ends.map(({ id }) => id.stage))]
  assert.deepEqual(
    order,
    all.map(({ id }) => id.stage),
  )
})

test('what sets more aside than is left waits, and small ones do not starve it', async () => {
  const stage = await new Stage({ programs }).ready()
  const cores = (cpu: number) => ({ resources: { cpu, custom: {} } })
  const first = stage.assignment(['work'], cores(3))
  const large = stage.assignment(['work'], cores(4))
  const small = stage.assignment(['work'], cores(1))
  stage.leader.assign(first, large, small)
  await stage.over(small)
  const [a, b, c] = [first, large, small].map((each) => stage.leader.resultsOf(each)[0]!)
  assert.ok(b!.startedAtMs! >= a!.endedAtMs && c!.startedAtMs! >= b!.endedAtMs)
})

test('an agent whose queue is full refuses the rest as busy', async () => {
  const stage = await new Stage({ programs, work: { attemptsMax: 1, queueMax: 3 } }).ready()
  const first = stage.assignment(['endless'])
  stage.leader.assign(first)
  await stage.until(() => stage.desk!.running === 1, 'one runs')
  const all = Array.from({ length: 10 }, () => stage.assignment(['endless']))
  for (const each of all) stage.leader.assign(each)
  await stage.until(() => all.every((each) => stage.leader.kindsOf(each).length > 0), 'all heard')
  const busy = all.filter((each) => stage.leader.refusalOf(each) === 'busy')
  assert.equal(busy.length, all.length - 3)
})

test('an agent whose results nobody commits takes no more, until somebody does', async () => {
  const stage = await new Stage().ready()
  const echo = { kind: 'function', value: { module: 'skein:echo', export: 'f' } } as const
  const given = JSON.stringify({ a: 'x'.repeat(60_000) })
  const count = Math.ceil(deskLimits.outboxBytesMax / 60_000) + 20
  const all = Array.from({ length: count }, () => stage.assignment(echo, { with: given }))
  for (let i = 0; i < count; i += 10) {
    stage.leader.assign(...all.slice(i, i + 10))
    await stage.world.runFor(100)
  }
  await stage.world.runFor(60_000)
  const refused = all.filter((each) => stage.leader.refusalOf(each) === 'busy')
  assert.ok(refused.length > 0 && refused.length < 40, `${refused.length} are refused`)
  stage.leader.committed(...all.slice(0, 100))
  const late = stage.assignment(noop)
  stage.leader.assign(late)
  assert.equal((await stage.over(late)).outcome.kind, 'succeeded')
})

test('an agent whose disk takes no record refuses, and starts nothing', async () => {
  const stage = await new Stage({ programs }).ready()
  stage.host.platter.fault = 'full'
  const work = stage.assignment(['work'])
  stage.leader.assign(work)
  await stage.until(() => stage.leader.refusalOf(work) === 'diskFailed', 'it is refused')
  await stage.world.runFor(10_000)
  assert.equal(stage.started('work'), 0)
})

test('a result that cannot be written down is told all the same', async () => {
  const stage = await new Stage({ programs }).ready()
  const work = stage.assignment(['work'])
  stage.leader.assign(work)
  await stage.until(() => stage.started('work') === 1, 'it runs')
  stage.host.platter.fault = 'full'
  assert.equal((await stage.over(work)).outcome.kind, 'succeeded')
})

test('an agent that takes no work says so', async () => {
  const stage = await new Stage({ work: { enabled: false } }).ready()
  const work = stage.assignment(noop)
  stage.leader.assign(work)
  await stage.until(() => stage.leader.refusalOf(work) === 'unsupported', 'it is refused')
})

test('where the disk is nearly full, the stage that fills it is ended, and its neighbours go on', async () => {
  const places: string[] = []
  const work: Program = (self) => {
    places.push(self.cwd)
    self.after(30_000, () => self.exit(0))
  }
  const stage = await new Stage({ programs: { work } }).ready()
  const { leader, host } = stage
  const { files } = host.processTable
  const [greedy, modest] = [stage.assignment(['work', 'a']), stage.assignment(['work', 'b'])]
  leader.assign(greedy, modest)
  await stage.until(() => places.length === 2, 'both have begun')
  files.get(places[0]!)!.set('big', new Uint8Array(stepLimits.spareBytes + 1))
  files.get(places[1]!)!.set('small', new Uint8Array(1_000))
  await stage.world.runFor(5_000)
  assert.deepEqual(
    [greedy, modest].flatMap((each) => leader.resultsOf(each)),
    [],
    'there is room',
  )
  host.freeBytes = stepLimits.freeBytesMin - 1
  const { outcome } = await stage.over(greedy)
  assert.ok(outcome.kind === 'failed')
  assert.deepEqual([outcome.value.errorClass, outcome.value.code], ['resource', 'disk'])
  assert.match(
    outcome.value.message,
    /has only 1024 MiB left, and it has written more than 256 MiB/,
  )
  assert.equal((await stage.over(modest)).outcome.kind, 'succeeded')
})
