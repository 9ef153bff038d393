/** Attempts that are stopped: on demand, for their time, for their silence. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Program, runs } from '../../simulations/world/programs.ts'
import { noop, Stage, shortGraceMs } from './stage.ts'

const hour = 3_600_000

/** Ends when asked to, and says so. */
const polite: Program = (self) => {
  self.on('SIGTERM', () => {
    self.stdout('goodbye\n')
    self.after(100, () => self.exit(0))
  })
  self.after(hour, () => self.exit(0))
}

/** Takes no hint, and has children that do not either, one of them in a session of its own. */
const stubborn: Program = (self) => {
  const deaf: Program = (it) => {
    it.on('SIGTERM', 'nothing')
    it.after(hour, () => it.exit(0))
  }
  self.fork(deaf)
  self.leave(deaf)
  deaf(self)
}

const programs = { polite, stubborn, work: runs(5_000), endless: runs(hour) }

test('a cancelled program is asked first, and told as cancelled when it is gone', async () => {
  const stage = await new Stage({ programs }).ready()
  const work = stage.assignment(['polite'])
  stage.leader.assign(work)
  await stage.until(() => stage.started('polite') === 1, 'it runs')
  stage.leader.cancel(work)
  const { outcome, logTail } = await stage.over(work)
  assert.deepEqual(outcome, { kind: 'cancelled', value: { reason: 'a test' } })
  assert.equal(logTail, 'goodbye\n')
})

test('a program that ignores it is killed after its grace, with all that it has started', async () => {
  const stage = await new Stage({ programs }).ready()
  const work = stage.assignment(['stubborn'])
  stage.leader.assign(work)
  await stage.until(() => stage.started('stubborn') === 1, 'it runs')
  const startedMs = stage.world.nowMs
  stage.leader.cancel(work)
  // Never is it told while anybody lives.
  await stage.until(() => {
    const told = stage.leader.resultsOf(work).length > 0
    assert.ok(!told || stage.host.processTable.alive === 0)
    return told
  }, 'it is told')
  assert.ok(stage.world.nowMs - startedMs >= shortGraceMs)
  assert.equal(stage.leader.resultsOf(work)[0]!.outcome.kind, 'cancelled')
})

test('one that is over as quickly as it is cancelled has left nothing in another session either', async () => {
  const leaves: Program = (self) => {
    self.leave((it) => {
      it.on('SIGTERM', 'nothing')
      it.after(hour, () => it.exit(0))
    })
    self.after(20, () => self.exit(0))
  }
  for (const afterMs of [0, 19, 19.9, 20, 20.1, 20.3]) {
    const stage = await new Stage({ programs: { leaves } }).ready()
    const work = stage.assignment(['leaves'])
    stage.leader.assign(work)
    await stage.until(() => stage.started('leaves') === 1, 'it runs')
    await stage.world.runFor(afterMs)
    stage.leader.cancel(work)
    await stage.until(() => stage.leader.resultsOf(work).length > 0, 'it is told')
    const { kind } = stage.leader.resultsOf(work)[0]!.outcome
    if (kind === 'cancelled') assert.equal(stage.host.processTable.alive, 0, `after ${afterMs} ms`)
  }
})

test('at once means without the polite signal', async () => {
  const stage = await new Stage({ programs }).ready()
  const work = stage.assignment(['polite'])
  stage.leader.assign(work)
  await stage.until(() => stage.started('polite') === 1, 'it runs')
  stage.leader.cancel(work, true)
  assert.equal((await stage.over(work)).logTail, undefined)
})

test('an attempt that waits for its turn is cancelled without having begun', async () => {
  const stage = await new Stage({ programs, work: { attemptsMax: 1 } }).ready()
  const [first, second] = [stage.assignment(['work']), stage.assignment(['endless'])]
  stage.leader.assign(first, second)
  await stage.until(() => stage.leader.kindsOf(second).includes('accepted'), 'it waits')
  stage.leader.cancel(second)
  const { outcome } = await stage.over(second)
  assert.equal(outcome.kind, 'cancelled')
  await stage.over(first)
  await stage.world.runFor(10_000)
  assert.equal(stage.started('endless'), 0)
})

test('an attempt that is cancelled with the very frame that brings it never begins', async () => {
  const stage = await new Stage({ programs }).ready()
  const work = stage.assignment(['endless'])
  stage.leader.assign(work)
  stage.leader.cancel(work)
  assert.equal((await stage.over(work)).outcome.kind, 'cancelled')
  assert.equal(stage.started('endless'), 0)
})

test('a cancellation that overtakes its assignment holds', async () => {
  const stage = await new Stage({ programs }).ready()
  const work = stage.assignment(['endless'])
  stage.leader.cancel(work)
  await stage.until(() => stage.leader.refusalOf(work) === 'stale', 'it is not here')
  stage.leader.assign(work)
  await stage.world.runFor(10_000)
  assert.equal(stage.started('endless'), 0)
  assert.deepEqual(stage.leader.kindsOf(work), ['refused', 'refused'])
})

test('an attempt that takes too long is ended, and told as timed out when it is gone', async () => {
  const stage = await new Stage({ programs }).ready()
  const work = stage.assignment(['stubborn'], {
    timeouts: { startToCloseMs: 3_000, graceMs: shortGraceMs },
  })
  stage.leader.assign(work)
  const { outcome, usage, logTail } = await stage.over(work)
  assert.deepEqual(outcome, {
    kind: 'timedOut',
    value: { which: 'startToClose', afterMs: 3_000 },
  })
  assert.ok(usage.wallMs! >= 3_000 + shortGraceMs)
  assert.match(logTail!, /longer than 3000 ms/)
  assert.equal(stage.host.processTable.alive, 0)
})

test('an attempt that is silent for too long is ended; output and progress are signs of life', async () => {
  const says = (how: 'stdout' | 'progress'): Program => {
    return (self) => {
      const again = (left: number): void => {
        if (how === 'stdout') self.stdout('.')
        else self.writeFile(self.env.SKEIN_PROGRESS ?? '', '40% half way\n')
        if (left > 0) self.after(1_500, () => again(left - 1))
        else self.after(hour, () => self.exit(0))
      }
      again(4)
    }
  }
  for (const how of ['stdout', 'progress'] as const) {
    const stage = await new Stage({ programs: { talks: says(how) } }).ready()
    const work = stage.assignment(['talks'], { timeouts: { heartbeatMs: 2_000, graceMs: 0 } })
    stage.leader.assign(work)
    const { outcome, usage } = await stage.over(work)
    assert.deepEqual(outcome, { kind: 'timedOut', value: { which: 'heartbeat', afterMs: 2_000 } })
    assert.ok(usage.wallMs! >= 4 * 1_500 + 2_000)
    if (how === 'stdout') continue
    const running = stage.leader.newsOf(work).filter(({ kind }) => kind === 'running')
    const [first] = running.map(({ value }) => value)
    assert.ok(first && 'note' in first && first.note === 'half way' && first.progress === 0.4)
  }
})

test('a request and a function are ended when they are cancelled', async () => {
  const servers = {
    'http://slow': { tookMs: Infinity, answers: () => ({ status: 200, body: '' }) },
  }
  const modules = { '/m.mjs': { main: { tookMs: Infinity, returns: () => ({}) } } }
  const stage = await new Stage({ servers, modules }).ready()
  const all = [
    stage.assignment({
      kind: 'http',
      value: { url: 'http://slow/', method: 'GET', headers: {}, expect: [200] },
    }),
    stage.assignment({ kind: 'function', value: { module: '/m.mjs', export: 'main' } }),
    stage.assignment(
      { kind: 'function', value: { module: 'skein:sleep', export: 'main' } },
      {
        with: '{"for":"1h"}',
      },
    ),
  ]
  stage.leader.assign(...all)
  await stage.until(() => stage.desk!.running === all.length, 'all run')
  for (const each of all) stage.leader.cancel(each)
  for (const each of all) assert.equal((await stage.over(each)).outcome.kind, 'cancelled')
  assert.equal(stage.desk!.running, 0)
})

test('an agent that stops refuses what is new, and ends what cannot go on without it', async () => {
  const modules = { '/m.mjs': { main: { tookMs: Infinity, returns: () => ({}) } } }
  const stage = await new Stage({ programs, modules }).ready()
  const call = stage.assignment({
    kind: 'function',
    value: { module: '/m.mjs', export: 'main' },
  })
  const work = stage.assignment(['endless'])
  stage.leader.assign(call, work)
  await stage.until(() => stage.desk!.running === 2, 'both run')
  const stopped = stage.stopDesk()
  const late = stage.assignment(noop)
  stage.leader.assign(late)
  const { outcome } = await stage.over(call)
  await stage.until(stopped, 'it has stopped')
  assert.ok(outcome.kind === 'failed')
  assert.equal(`${outcome.value.errorClass}/${outcome.value.code}`, 'lost/agentStopped')
  assert.equal(stage.leader.resultsOf(work).length, 0)
  assert.equal(stage.host.processTable.alive, 1)
})

test('an agent that is told to kill leaves nothing when it stops', async () => {
  const stage = await new Stage({ programs, work: { killOnStop: true } }).ready()
  const work = stage.assignment(['endless'])
  stage.leader.assign(work)
  await stage.until(() => stage.started('endless') === 1, 'it runs')
  const stopped = stage.stopDesk()
  const { outcome } = await stage.over(work)
  await stage.until(stopped, 'it has stopped')
  assert.ok(outcome.kind === 'failed' && outcome.value.errorClass === 'lost')
  assert.equal(stage.host.processTable.alive, 0)
})
