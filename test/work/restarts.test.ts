/** Agents that die, at every step of an attempt's life, and what their next life makes of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { within } from '../../protocol/ports/disk.ts'
import type { CrashKind } from '../../simulations/world/host.ts'
import { type Program, runs } from '../../simulations/world/programs.ts'
import { noop, Stage } from './stage.ts'

const STEP_MS = 0.25
/** In an undisturbed life, everything is over by then, the commit included. */
const LIFE_MS = 55
/** Long enough for the leader to be told that it was taken. */
const programs = { work: runs(30) }

/** One life of an attempt, in which the agent dies so long after the assignment was sent. */
async function dieAfter(ms: number, kind: CrashKind): Promise<string> {
  const stage = await new Stage({ seed: `die ${ms}`, programs }).ready()
  const { leader, host, world } = stage
  // The connection is there before, so that the moments are the attempt's own.
  await stage.talking()
  leader.commits = true
  const work = stage.assignment(['work'])
  leader.assign(work)
  await world.runFor(ms)
  await stage.again(kind, 50)
  await stage.talking()
  await world.runFor(60_000)

  assert.ok(stage.started('work') <= 1, 'it is started once at most')
  assert.equal(host.processTable.alive, 0, 'nothing of it is left')
  const kinds = new Set(leader.resultsOf(work).map(({ outcome }) => JSON.stringify(outcome)))
  assert.ok(kinds.size <= 1, 'one end is told, however often')
  if (leader.kindsOf(work).includes('accepted')) assert.equal(kinds.size, 1, 'its end is told')
  if (kinds.size === 0) assert.equal(stage.started('work'), 0, 'what was begun has an end')
  assert.equal(stage.desk!.uncommitted, 0)
  assert.deepEqual(await keysOf(stage), ['work/desk'], 'nothing of it is remembered')
  const outcome = leader.resultsOf(work)[0]?.outcome
  return outcome?.kind === 'failed' ? outcome.value.errorClass : (outcome?.kind ?? 'never taken')
}

async function keysOf(stage: Stage): Promise<string[]> {
  const keys: string[] = []
  let read = false
  const reading = async () => {
    for await (const [key] of stage.ports!.disk.scan(within('work/'))) keys.push(key)
    read = true
  }
  void reading()
  await stage.until(() => read, 'the disk is read')
  return keys
}

for (const kind of ['kill', 'powerLoss'] as const) {
  test(`an agent that dies by ${kind} never starts an attempt twice, and always tells its end`, async () => {
    const ends = new Map<string, number>()
    for (let ms = 0; ms < LIFE_MS; ms += STEP_MS) {
      const end = await dieAfter(ms, kind)
      ends.set(end, (ends.get(end) ?? 0) + 1)
    }
    // The moments fall on every step, or the test shows less than it says.
    const expected = ['lost', 'never taken', 'succeeded']
    assert.deepEqual([...ends.keys()].sort(), expected)
    if (kind === 'kill') assert.ok(ends.get('succeeded')! > ends.get('lost')!)
  })
}

test('an agent that returns carries on with what still runs: its time, its log, its end', async () => {
  const ticks: Program = (self) => {
    const tick = (count: number): void => {
      self.stdout(`${count}\n`)
      if (count < 10) self.after(1_000, () => tick(count + 1))
      else self.exit(0)
    }
    tick(0)
  }
  const stage = await new Stage({ programs: { ticks } }).ready()
  const work = stage.assignment(['ticks'])
  stage.leader.assign(work)
  await stage.world.runFor(3_500)
  await stage.again('kill', 2_000)
  await stage.talking()
  assert.equal(stage.desk!.running, 1)
  const { outcome, usage, logTail } = await stage.over(work)
  assert.equal(outcome.kind, 'succeeded')
  assert.ok(usage.wallMs! >= 10_000)
  assert.equal(stage.started('ticks'), 1)
  // What was written while nobody listened is not in this world's pipes; the rest is.
  assert.match(logTail!, /^0\n1\n2\n3\n(.*\n)*10\n$/)
})

test('an attempt that is carried on still has its limit of time, counted from its start', async () => {
  const stage = await new Stage({ programs: { endless: runs(3_600_000) } }).ready()
  const work = stage.assignment(['endless'], { timeouts: { startToCloseMs: 90_000, graceMs: 0 } })
  stage.leader.assign(work)
  await stage.world.runFor(30_000)
  await stage.again('kill', 30_000)
  await stage.talking()
  const { outcome, usage } = await stage.over(work)
  assert.equal(outcome.kind, 'timedOut')
  assert.ok(usage.wallMs! >= 90_000 && usage.wallMs! < 91_000)
})

test('a result that was not committed is told again by the next life', async () => {
  const stage = await new Stage({ programs }).ready()
  const done = stage.assignment(['work'])
  stage.leader.assign(done)
  await stage.over(done)
  const before = stage.leader.resultsOf(done).length
  await stage.again('powerLoss')
  assert.equal(stage.desk!.uncommitted, 1)
  // It learns anew who leads.
  await stage.talking()
  await stage.until(() => stage.leader.resultsOf(done).length > before, 'it is told again')
  assert.deepEqual(
    stage.leader.inventories[0]!.held.map(({ state }) => state),
    ['finished'],
  )
})

test('what takes no time and has no effect is on no record, and a life that has forgotten it says the same', async () => {
  const stage = await new Stage().ready()
  await stage.talking()
  const { writtenBytes } = stage.host.platter
  const done = stage.assignment(noop)
  stage.leader.assign(done)
  const { outcome } = await stage.over(done)
  assert.equal(stage.host.platter.writtenBytes, writtenBytes)
  await stage.again('powerLoss')
  stage.leader.inventories.length = 0
  await stage.talking()
  assert.deepEqual(stage.leader.inventories[0]!.held, [])
  const told = stage.leader.resultsOf(done).length
  stage.leader.assign(done)
  await stage.until(() => stage.leader.resultsOf(done).length > told, 'it is told')
  assert.deepEqual(stage.leader.resultsOf(done).at(-1)!.outcome, outcome)
})

test('the next life believes no leader of an older term either', async () => {
  const stage = await new Stage({ programs }).ready()
  const next = stage.leaderOf(2)
  await stage.world.runFor(10)
  next.askInventory()
  await stage.until(() => next.inventories.length === 1, 'the newer leader is heard')
  await stage.again('powerLoss')
  const work = stage.assignment(['work'])
  stage.leader.assign(work)
  await stage.world.runFor(10_000)
  assert.equal(stage.started('work'), 0)
  assert.deepEqual(stage.leader.heard, [])
})

test('a program that was started a moment before its agent died is found by its name', async () => {
  const stage = await new Stage({ programs: { work: runs(5_000) } }).ready()
  const work = stage.assignment(['work'])
  stage.leader.assign(work)
  await stage.until(() => stage.started('work') === 1, 'it runs')
  // That it was started is on record a moment later.
  await stage.again('kill')
  await stage.talking()
  assert.equal((await stage.over(work)).outcome.kind, 'succeeded')
  assert.equal(stage.started('work'), 1)
})

test('programs that no record speaks of are ended before anything new begins', async () => {
  const stage = await new Stage({ programs: { endless: runs(3_600_000) } }).ready()
  const work = stage.assignment(['endless'])
  stage.leader.assign(work)
  await stage.until(() => stage.started('endless') === 1, 'it runs')
  const keys = (await keysOf(stage)).filter((key) => key !== 'work/desk')
  let written = false
  const forgotten = keys.map((key) => ({ del: key }))
  void stage.ports!.disk.write(forgotten, { durable: true }).then(() => {
    written = true
  })
  await stage.until(() => written, 'it is forgotten')
  await stage.again('kill')
  assert.equal(stage.host.processTable.alive, 0)
  assert.deepEqual([...stage.host.processTable.files.keys()], [])
})
