/** Following events: without a gap and without a double, whatever becomes of the stream. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { type EventsOptions, events } from '../../coordinator/cli/events.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import {
  type Answer,
  cuts,
  ends,
  eventLine,
  type FakeAgent,
  fakeAgent,
  refuses,
  type Stage,
  says,
  stage,
  staysOpen,
  streams,
} from './stage.ts'

const limits = { pauseMsMin: 1, pauseMsMax: 2, triesMax: 3 }
const follow = (it: Stage, options: Partial<EventsOptions> = {}) =>
  events(it.context, { follow: true, ...options }, limits)
/** Follows until this is heard, and then leaves by Ctrl-C. */
async function followedUntil(
  agent: FakeAgent,
  heard: string,
  options: Partial<EventsOptions> = {},
): Promise<Stage> {
  const it = stage(agent.address)
  const following = follow(it, options)
  await it.io.hears(heard)
  it.interrupt()
  assert.equal(await following, exitCodes.interrupted)
  return it
}

const numbersIn = (said: string) =>
  [...said.matchAll(/event (\d+)$/gm)].map(([, number]) => Number(number))

test('a follower whose connection is cut goes on with the next event', async (t) => {
  const agent = await fakeAgent(t, [
    streams([1, 2], cuts),
    streams([3], ends),
    streams([4, 5], staysOpen),
  ])
  const it = await followedUntil(agent, 'event 5')
  assert.deepEqual(numbersIn(it.io.said), [1, 2, 3, 4, 5])
  assert.deepEqual(agent.requests, [
    'GET /api/v1/events?last=100&follow=true',
    'GET /api/v1/events?last=1000&follow=true&since=2',
    'GET /api/v1/events?last=1000&follow=true&since=3',
  ])
  assert.match(it.io.talk, /broke off; resuming after event 2\n/)
  assert.match(it.io.talk, /to go on: skein events -f --since 5\n$/)
})

test('half an event is not shown; the whole one is, once', async (t) => {
  const whole = eventLine(2)
  const agent = await fakeAgent(t, [
    streams([1], (response) => response.end(whole.slice(0, 20))),
    streams([2], staysOpen),
  ])
  const it = await followedUntil(agent, 'event 2')
  assert.deepEqual(numbersIn(it.io.said), [1, 2])
})

test('an agent that is started again is met again, also before its first event', async (t) => {
  const first = await fakeAgent(t, [streams([], staysOpen)])
  const it = stage(first.address)
  const following = follow(it)
  while (first.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await first.die()
  await it.io.hears('resuming after event 0')
  const second = await fakeAgent(t, [streams([1, 2], staysOpen)], first.port)
  await it.io.hears('event 2')
  it.interrupt()
  await following
  assert.match(second.requests[0] ?? '', /since=0/)
})

test('whoever wants nothing of the past still misses nothing after a break', async (t) => {
  const agent = await fakeAgent(t, [
    streams([41], ends),
    streams([], cuts),
    streams([42], staysOpen),
  ])
  const it = await followedUntil(agent, 'event 42', { last: '0' })
  assert.deepEqual(numbersIn(it.io.said), [42])
  assert.deepEqual(agent.requests, [
    'GET /api/v1/events?last=1',
    'GET /api/v1/events?last=1000&follow=true&since=41',
    'GET /api/v1/events?last=1000&follow=true&since=41',
  ])
})

test('what the agent no longer has is said to be missing', async (t) => {
  const agent = await fakeAgent(t, [streams([1, 2], cuts), streams([9], staysOpen)])
  const it = await followedUntil(agent, 'event 9')
  assert.match(it.io.talk, /events 3 to 8 are gone/)
})

test('an agent whose events begin anew is followed from its first', async (t) => {
  const agent = await fakeAgent(t, [
    streams([7], cuts),
    refuses(409, 'conflict'),
    streams([1, 2], staysOpen),
  ])
  const it = await followedUntil(agent, 'event 2')
  assert.match(it.io.talk, /begin anew/)
  assert.match(agent.requests[2] ?? '', /since=0/)
})

test('a refusal inside the stream ends it in words, and the follower comes back', async (t) => {
  const overloaded = JSON.stringify({
    schemaVersion: 1,
    error: { code: 'overloaded', why: 'too far behind', fix: 'come back' },
  })
  const agent = await fakeAgent(t, [
    streams([1], (response) => response.end(`${overloaded}\n`)),
    streams([2], staysOpen),
  ])
  const it = await followedUntil(agent, 'event 2')
  assert.match(it.io.talk, /^too far behind; resuming after event 1\n/)
})

test('what coming back would not mend ends the following, with how to go on', async (t) => {
  const cases = [
    { answer: says('<html>', 'text/html'), exitCode: exitCodes.noAnswer, words: /not a Skein/ },
    { answer: refuses(403, 'refused'), exitCode: exitCodes.refused, words: /may not be/ },
    { answer: streams([], (it) => it.end('oops\n')), exitCode: 5, words: /not JSON/ },
  ]
  for (const { answer, exitCode, words } of cases) {
    const agent = await fakeAgent(t, [streams([1], cuts), answer])
    const it = stage(agent.address, { address: agent.address, json: true })
    const error = await follow(it).catch((thrown: unknown) => thrown)
    assert.ok(error instanceof Problem)
    assert.equal(error.exitCode, exitCode)
    assert.match(error.why, words)
    const again = `to go on: skein events -f --since 1 --address ${agent.address} --json\n`
    assert.ok(it.io.talk.endsWith(again), it.io.talk)
  }
})

test('a follower does not try for ever, and one that never got through does not try again', async (t) => {
  const agent = await fakeAgent(t, [streams([1], cuts), (request) => request.socket.destroy()])
  const it = stage(agent.address)
  const error = await follow(it).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof Problem)
  assert.equal(error.exitCode, exitCodes.noAnswer)
  assert.equal(agent.requests.length, 1 + limits.triesMax)
  const nobody = await follow(stage('http://127.0.0.1:1')).catch((thrown: unknown) => thrown)
  assert.ok(nobody instanceof Problem)
  assert.match(nobody.why, /nothing listens there/)
})

test('Ctrl-C while the agent is away ends the waiting, and quiet means quiet', async (t) => {
  const agent = await fakeAgent(t, [streams([1], cuts), (request) => request.socket.destroy()])
  const it = stage(agent.address, { quiet: true })
  const following = events(
    it.context,
    { follow: true },
    { pauseMsMin: 3_600_000, pauseMsMax: 3_600_000, triesMax: 3 },
  )
  await it.io.hears('event 1')
  it.interrupt()
  assert.equal(await following, exitCodes.interrupted)
  assert.equal(it.io.talk, '')
})

/** One that has stopped and started: `ledger` fails first, and `work` was stopped by hand before. */
const life = [
  ['work', 'stopped', 'ready', 'it was stopped by hand'],
  ...['ledger', 'api'].flatMap((name) => [
    [name, 'degraded', 'ready', 'it is being stopped'],
    [name, 'stopped', 'degraded', 'the agent is stopping'],
  ]),
  ...['telemetry', 'work'].flatMap((name) => [
    [name, 'starting', 'stopped'],
    [name, 'ready', 'starting'],
  ]),
  ['ledger', 'starting', 'stopped'],
  ['ledger', 'failed', 'starting', 'no disk'],
  ['ledger', 'starting', 'failed'],
  ['ledger', 'ready', 'starting'],
  ['api', 'degraded', 'ready', 'slow'],
].map(([module, state, was, why], i) => ({
  seq: i + 1,
  atMs: i,
  kind: `module.${state}`,
  text: `${module} is ${state}${why === undefined ? '' : `: ${why}`}`,
  fields: { module, was },
}))

function tellsOfALife(then: (response: ServerResponse) => void): Answer {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    const lines = life.map((event) => `${JSON.stringify(event)}\n`).join('')
    response.write(lines, () => then(response))
  }
}

test('what starts and stops in good order is one line, and what goes wrong is one of its own', async (t) => {
  const told = [
    'module.stopped   work is stopped: it was stopped by hand',
    'module.stopped   2 modules are stopped',
    'module.ready     2 modules are ready',
    'module.failed    ledger is failed: no disk',
    'module.ready     ledger is ready',
    'module.degraded  api is degraded: slow',
  ]
  const linesIn = (it: Stage) =>
    it.io.said.split('\n').flatMap((line) => (line === '' ? [] : [line.replace(/^\S+ +/, '')]))
  const past = stage((await fakeAgent(t, [tellsOfALife(ends)])).address)
  assert.equal(await events(past.context, {}), exitCodes.done)
  assert.deepEqual(linesIn(past), told)
  // Nothing comes after the last of them, and yet it is told.
  const calm = life.slice(0, 9)
  const agent = await fakeAgent(t, [
    (_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      response.write(calm.map((event) => `${JSON.stringify(event)}\n`).join(''))
    },
  ])
  const followed = await followedUntil(agent, '2 modules are ready')
  assert.deepEqual(linesIn(followed), told.slice(0, 3))
  // Programs are told all of it.
  const program = stage((await fakeAgent(t, [tellsOfALife(ends)])).address, { json: true })
  assert.equal(await events(program.context, {}), exitCodes.done)
  assert.equal(program.io.said.trimEnd().split('\n').length, life.length)
})

test('without -f the past is told once, and a break is an error', async (t) => {
  const whole = await fakeAgent(t, [streams([3, 4], ends)])
  const it = stage(whole.address)
  assert.equal(await events(it.context, { since: '2' }), exitCodes.done)
  assert.deepEqual(whole.requests, ['GET /api/v1/events?last=1000&since=2'])
  assert.deepEqual(numbersIn(it.io.said), [3, 4])
  const broken = await fakeAgent(t, [streams([3], cuts)])
  const error = await events(stage(broken.address).context, {}).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof Problem)
  assert.equal(error.code, 'brokenOff')
})
