import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../../agent/modules/limits.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { Stage } from './stage.ts'

const chain = [
  { name: 'network' },
  { name: 'membership', needs: ['network'] },
  { name: 'gateway', needs: ['membership'] },
]

async function running(stage: Stage): Promise<Stage> {
  await stage.graph.startAll()
  return stage
}

test('parts start in order and stop in reverse, and the log says so', async () => {
  const stage = await running(new Stage([...chain, { name: 'telemetry', priority: 0 }]))
  await stage.graph.stopAll()
  const order = ['telemetry', 'network', 'membership', 'gateway']
  const expected = [
    ...order.map((n) => `start ${n}`),
    ...order.toReversed().map((n) => `stop ${n}`),
  ]
  assert.deepEqual(stage.calls, expected)
  const started = stage.lines.filter((line) => line.startsWith('module starting'))
  assert.deepEqual(
    started,
    order.map((n) => `module starting ${n}`),
  )
  assert.equal(stage.clock.pending, 0, 'nothing is left waiting')
})

test('a part that fails takes no other with it: those that need it are degraded and say why', async () => {
  const stage = await running(new Stage([...chain, { name: 'telemetry' }]))
  stage.actor('network').fail('the cable is out')
  await stage.clock.advance(0)
  assert.equal(stage.state('network'), 'failed: the cable is out')
  assert.equal(stage.state('membership'), 'degraded: network has failed')
  assert.equal(stage.state('gateway'), 'degraded: network has failed')
  assert.equal(stage.state('telemetry'), 'ready')
  await stage.clock.advance(limits.restartFirstMs)
  for (const name of stage.actors.keys()) assert.equal(stage.state(name), 'ready')
  assert.deepEqual(stage.calls.slice(4), ['stop network', 'start network'], 'only it was restarted')
  assert.equal(stage.graph.states().find(({ name }) => name === 'network')?.restarts, 1)
})

test('a part whose need does not come up waits, is degraded, and starts when it does', async () => {
  const stage = await running(
    new Stage([
      { name: 'network', starts: ['throws'] },
      { name: 'gateway', needs: ['network'] },
    ]),
  )
  assert.equal(stage.state('network'), 'failed: network is broken')
  assert.equal(stage.state('gateway'), 'degraded: it waits to start: network has failed')
  await stage.clock.advance(limits.restartFirstMs)
  assert.equal(stage.state('gateway'), 'ready')
})

test('each failure in a row doubles the wait, up to the longest', async () => {
  const stage = new Stage([{ name: 'a', starts: Array(10).fill('throws') }])
  const startedAtMs: number[] = []
  const original = stage.called.bind(stage)
  stage.called = (actor, kind) => {
    if (kind === 'start') startedAtMs.push(stage.clock.now())
    original(actor, kind)
  }
  await stage.graph.startAll()
  await stage.clock.advance(10 * limits.restartMostMs)
  const waits = startedAtMs.slice(1).map((atMs, i) => atMs - startedAtMs[i]!)
  const doubled = waits.map((_, i) =>
    Math.min(limits.restartMostMs, limits.restartFirstMs * 2 ** i),
  )
  assert.equal(waits.length, 10)
  assert.deepEqual(waits, doubled)
})

test('chance shortens a wait, by no more than the jitter', async () => {
  const stage = await running(new Stage([{ name: 'a', starts: ['throws'] }], 0.999))
  const least = Math.floor(limits.restartFirstMs * (1 - limits.restartJitter))
  await stage.clock.advance(least - 1)
  assert.equal(stage.state('a'), 'failed: a is broken')
  await stage.clock.advance(3)
  assert.equal(stage.state('a'), 'ready')
})

test('a part that was steady starts again from the first wait', async () => {
  const stage = await running(new Stage([{ name: 'a', starts: ['throws', 'throws', 'throws'] }]))
  await stage.clock.advance(limits.restartMostMs)
  await stage.clock.advance(limits.steadyAfterMs)
  stage.actor('a').fail('late trouble')
  await stage.clock.advance(limits.restartFirstMs)
  assert.equal(stage.state('a'), 'ready')
})

test('a part stopped by hand stays stopped, and its dependants say that it is', async () => {
  const stage = await running(new Stage(chain))
  assert.deepEqual(await stage.graph.stop('network'), { ok: true })
  await stage.clock.advance(10 * limits.restartMostMs)
  assert.equal(stage.state('network'), 'stopped: it was stopped by hand')
  assert.equal(stage.state('gateway'), 'degraded: network is stopped')
  assert.deepEqual(await stage.graph.start('network'), { ok: true })
  assert.equal(stage.state('gateway'), 'ready')
})

test('starting a part by hand starts what it needs, at once, also what waited to be restarted', async () => {
  const stage = await running(new Stage([{ ...chain[0]!, starts: ['throws'] }, ...chain.slice(1)]))
  await stage.graph.stop('membership')
  assert.deepEqual(await stage.graph.start('gateway'), { ok: true })
  assert.deepEqual(stage.calls.slice(-3), ['start network', 'start membership', 'start gateway'])
})

test('a start by hand that fails says why', async () => {
  const stage = await running(new Stage([{ name: 'a', starts: ['throws', 'throws'] }]))
  assert.deepEqual(await stage.graph.start('a'), { ok: false, code: 'failed', why: 'a is broken' })
})

test('an unknown part is answered with those that exist', async () => {
  const stage = await running(new Stage(chain))
  const answer = await stage.graph.stop('nonsense')
  assert.deepEqual(answer, {
    ok: false,
    code: 'unknown',
    why: 'there is no module nonsense; there are network, membership, gateway',
  })
})

test('a part may call itself degraded and recovered; its dependants stay ready', async () => {
  const stage = await running(new Stage(chain))
  stage.actor('network').handle?.degraded('one of two links is down')
  assert.equal(stage.state('network'), 'degraded: one of two links is down')
  assert.equal(stage.state('membership'), 'ready')
  stage.actor('network').handle?.recovered()
  assert.equal(stage.state('network'), 'ready')
})

test('what a part said of itself ends with the life in which it said it', async () => {
  const stage = await running(new Stage([{ name: 'a' }]))
  stage.actor('a').handle?.degraded('tired')
  await stage.graph.stop('a')
  await stage.graph.start('a')
  assert.equal(stage.state('a'), 'ready')
})

test('a handle from an earlier life has no say', async () => {
  const stage = await running(new Stage([{ name: 'a' }]))
  const old = stage.actor('a').handle!
  await stage.graph.stop('a')
  await stage.graph.start('a')
  old.failed('a ghost')
  old.degraded('a ghost')
  await stage.clock.advance(0)
  assert.equal(stage.state('a'), 'ready')
})

test('a start that is late is told to give up, and the others have their turn', async () => {
  const stage = new Stage([{ name: 'a', starts: ['slow'] }, { name: 'b' }])
  const booted = stage.graph.startAll()
  await stage.clock.advance(limits.startDeadlineMs)
  await booted
  assert.equal(stage.state('a'), `failed: it did not start within ${limits.startDeadlineMs} ms`)
  assert.equal(stage.state('b'), 'ready')
})

test('a part that is deaf to giving up is not started a second time until it returns', async () => {
  const stage = new Stage([{ name: 'a', starts: ['deaf'] }])
  const booted = stage.graph.startAll()
  await stage.clock.advance(limits.startDeadlineMs + limits.stopDeadlineMs)
  await booted
  assert.match(stage.state('a'), /^failed: it does not give up its start/)
  await stage.clock.advance(10 * limits.restartMostMs)
  assert.deepEqual(stage.calls, ['start a'])
  stage.actor('a').wake()
  await stage.clock.advance(limits.restartFirstMs)
  assert.deepEqual(stage.calls, ['start a', 'stop a', 'start a'])
  assert.equal(stage.state('a'), 'ready')
})

test('a part that gave up its start, or not, when told to stop is never taken for running', async () => {
  const stage = new Stage([{ name: 'a', starts: ['deaf'] }])
  void stage.graph.startAll()
  await stage.clock.advance(1)
  void stage.graph.stop('a')
  void stage.graph.start('a')
  stage.actor('a').wake()
  await stage.clock.advance(1)
  assert.deepEqual(stage.calls, ['start a', 'stop a', 'start a'])
  assert.equal(stage.state('a'), 'ready')
})

test('a part that is deaf to stopping holds up the others no longer than its deadline', async () => {
  const stage = await running(new Stage([{ name: 'a' }, { name: 'b', stops: ['deaf'] }]))
  const stopped = stage.graph.stopAll()
  await stage.clock.advance(limits.stopDeadlineMs)
  await stopped
  assert.deepEqual(stage.calls.slice(2), ['stop b', 'stop a'])
  assert.equal(stage.state('b'), `failed: it did not stop within ${limits.stopDeadlineMs} ms`)
})

test('stopping everything gives up a start that is under way, and starts nothing more', async () => {
  const stage = new Stage([{ name: 'a' }, { name: 'b', starts: ['slow'] }, { name: 'c' }])
  const booted = stage.graph.startAll()
  await stage.clock.advance(1)
  stage.closed = true
  await stage.graph.stopAll()
  await booted
  assert.deepEqual(stage.calls, ['start a', 'start b', 'stop b', 'stop a'])
  assert.equal(stage.state('b'), 'stopped: the agent is stopping')
  assert.equal(stage.clock.pending, 0)
})

test('what a part threw reaches who listens, and a refusal is told in its own words', async () => {
  const stage = new Stage([{ name: 'a' }])
  const refusal = new Problem({
    code: 'portTaken',
    why: '127.0.0.1:4131 is taken',
    fix: 'stop the other program or set api.listen',
    exitCode: exitCodes.conflict,
  })
  stage.actor('a').start = () => Promise.reject(refusal)
  stage.actor('a').stop = () => Promise.resolve()
  await stage.graph.startAll()
  const failed = stage.events.find(({ state }) => state === 'failed')
  assert.equal(failed?.cause, refusal)
  assert.equal(failed?.why, '127.0.0.1:4131 is taken')
})

test('a part that is asked to stop from within the news of a failure is stopped', async () => {
  const stage = await running(new Stage([{ name: 'a' }]))
  const push = stage.events.push.bind(stage.events)
  stage.events.push = (event) => {
    if (event.state === 'failed') void stage.graph.stop('a')
    return push(event)
  }
  stage.actor('a').fail('trouble')
  await stage.clock.advance(limits.restartMostMs)
  assert.equal(stage.state('a'), 'stopped: it was stopped by hand')
  assert.deepEqual(stage.calls, ['start a', 'stop a'])
})

test('the age of a state counts from when it last changed', async () => {
  const stage = await running(new Stage([{ name: 'a' }]))
  await stage.clock.advance(70)
  stage.actor('a').handle?.degraded('tired')
  await stage.clock.advance(30)
  assert.equal(stage.graph.states()[0]?.stateAgeMs, 30)
})
