/** `skein runs ls`: what it asks for, and what it says of what it could not look at. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whereNames } from '../../agent/history/where.ts'
import { run as skein } from '../../coordinator/cli/program.ts'
import { list } from '../../coordinator/cli/runs.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { fakeAgent, refuses, says, stage, Terminal } from './stage.ts'

const run = {
  id: 'r1',
  name: 'release',
  workflow: 'h',
  state: 'failed',
  stopping: 'none',
  by: 'ada',
  startedMs: Date.UTC(2026, 0, 31),
  endedMs: Date.UTC(2026, 0, 31, 1),
  labels: { team: 'web' },
}

function answer(more: Record<string, unknown>, runs: unknown[] = [run]): string {
  return JSON.stringify({ schemaVersion: 1, runs, ...more })
}

function asked(request: string): URLSearchParams {
  return new URLSearchParams(request.split('?')[1])
}

test('all that narrows a list is asked of the agent', async (t) => {
  const agent = await fakeAgent(t, [says(answer({}))])
  const { context } = stage(agent.address)
  const where = 'state == "failed" && took > duration("10m")'
  const flags = { where, since: '2026-01-01', until: '2026-02-01T12:00:00Z', limit: '7' }
  assert.equal(
    await list(context, { ...flags, name: 'release', label: ['team=web'] }),
    exitCodes.done,
  )
  const query = asked(agent.requests[0]!)
  assert.equal(query.get('where'), where)
  assert.equal(query.get('sinceMs'), String(Date.UTC(2026, 0, 1)))
  assert.equal(query.get('untilMs'), String(Date.UTC(2026, 1, 1, 12)))
  assert.deepEqual(
    [query.get('limit'), query.get('name'), query.get('label')],
    ['7', 'release', 'team=web'],
  )
})

test('an age is counted from now', async (t) => {
  const agent = await fakeAgent(t, [says(answer({}))])
  const { context } = stage(agent.address)
  const before = Date.now()
  await list(context, { since: '7d', limit: '7' })
  const sinceMs = Number(asked(agent.requests[0]!).get('sinceMs'))
  assert.ok(sinceMs >= before - 7 * 86_400_000 && sinceMs <= Date.now() - 7 * 86_400_000)
})

test('what is neither an age nor a date is refused before anybody is asked', async (t) => {
  const agent = await fakeAgent(t, [says(answer({}))])
  const { context } = stage(agent.address)
  for (const flags of [{ since: 'yesterday' }, { until: '5' }, { until: '2026-13-45' }]) {
    await assert.rejects(list(context, { ...flags, limit: '7' }), (error) => {
      assert.ok(error instanceof Problem)
      assert.equal(error.exitCode, exitCodes.usage)
      assert.match(error.message, /is no age and no date/)
      return true
    })
  }
  assert.deepEqual(agent.requests, [])
})

test('a list that stopped early says so, and how to go on', async (t) => {
  const stoppedEarly = { scanned: 20_000, backToMs: Date.UTC(2026, 0, 15) }
  const agent = await fakeAgent(t, [says(answer({ next: 'x/y', stoppedEarly }))])
  const { context, io } = stage(agent.address)
  await list(context, { where: 'state == "failed"', limit: '50' })
  assert.match(io.said, /r1 +release +failed/)
  assert.match(
    io.talk,
    /stopped after 20000 runs, back to 2026-01-15T00:00:00\.001Z; --until 2026-01-15T00:00:00\.001Z goes on/,
  )
  assert.doesNotMatch(io.talk, /--limit shows more/)
})

test('a list with more than was asked for says so', async (t) => {
  const agent = await fakeAgent(t, [says(answer({ next: 'x/y' }))])
  const { context, io } = stage(agent.address)
  await list(context, { limit: '1' })
  assert.match(io.talk, /--limit shows more/)
})

test('agents that did not tell what they keep are counted', async (t) => {
  const agent = await fakeAgent(t, [says(answer({ silent: 2 }))])
  const { context, io } = stage(agent.address)
  await list(context, { limit: '5' })
  assert.match(io.talk, /2 agents do not say what they keep; runs may be missing/)
})

test('with --json the document is all that is said', async (t) => {
  const text = answer({ silent: 1, stoppedEarly: { scanned: 3, backToMs: 4 } })
  const agent = await fakeAgent(t, [says(text)])
  const { context, io } = stage(agent.address, { json: true })
  await list(context, { limit: '5' })
  assert.deepEqual(JSON.parse(io.said), JSON.parse(text))
  assert.equal(io.talk, '')
})

test('a wrong expression is told as the agent has put it', async (t) => {
  const agent = await fakeAgent(t, [
    refuses(400, 'badRequest', '--where, at character 1: there is no nam'),
  ])
  const { context } = stage(agent.address)
  await assert.rejects(list(context, { where: 'nam', limit: '5' }), /there is no nam/)
})

test('the help of runs ls names all that an expression may speak of', async () => {
  const io = new Terminal()
  const programs = {} as Parameters<typeof skein>[1]
  assert.equal(await skein(['runs', 'ls', '--help'], programs, io), exitCodes.done)
  const words = new Set(io.said.split(/\W+/))
  assert.deepEqual(
    Object.keys(whereNames).filter((name) => !words.has(name)),
    [],
  )
})
