/** Whoever asks an agent about runs need not know where they are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiRefusal } from '../../coordinator/api/refusal.ts'
import { LEDGER_VERSION } from '../../protocol/ledger/state.ts'
import { startRun } from '../work-ledger/stage.ts'
import { Mesh } from './stage.ts'

const afterMs = 30_000

async function withArchived(seed: string, size = 3): Promise<Mesh> {
  const mesh = await Mesh.of(seed, size, { afterMs })
  await mesh.ended('abc1', 'failed', { labels: { team: 'web' } })
  await mesh.ended('abc2', 'succeeded', { labels: { team: 'db' }, key: 'k' })
  await mesh.archived('abc1', 120_000)
  await mesh.archived('abc2', 120_000)
  await mesh.world.runFor(1_000)
  await mesh.ok(startRun('new1', { labels: { team: 'web' } }))
  return mesh
}

test('a list goes through the ledger and the histories as one', async () => {
  const mesh = await withArchived('list')
  const { follower } = mesh
  const ids = async (query: Record<string, unknown>) =>
    (await mesh.call(follower, 'runs', { query: { limit: 50, ...query } })).runs.map(({ id }) => id)
  assert.deepEqual(await ids({}), ['new1', 'abc2', 'abc1'])
  assert.deepEqual(await ids({ label: 'team=web' }), ['new1', 'abc1'])
  assert.deepEqual(await ids({ state: 'failed,running' }), ['new1', 'abc1'])
  assert.deepEqual(await ids({ name: 'other' }), [])
  assert.deepEqual(await ids({ where: 'labels.team == "web" && state != "running"' }), ['abc1'])
  assert.deepEqual(await ids({ where: 'endedAt > startedAt' }), ['abc2', 'abc1'])
  const first = await mesh.call(follower, 'runs', { query: { limit: 2 } })
  assert.ok(first.next)
  const rest = await mesh.call(follower, 'runs', { query: { limit: 2, after: first.next } })
  assert.deepEqual(
    [...first.runs, ...rest.runs].map(({ id }) => id),
    ['new1', 'abc2', 'abc1'],
  )
})

test('who begins a run sees it, also at an agent whose disk is slow', async () => {
  const mesh = await Mesh.of('slow', 3)
  const { follower } = mesh
  const { platter } = follower.host
  platter.options = { ...platter.options, syncMs: 5_000 }
  const workflow = 'apiVersion: skein/v1\nkind: Workflow\nname: w\nstages:\n  a: { run: [say] }\n'
  const body = { workflow, inputs: {}, labels: {} }
  const { run, began } = await mesh.call(follower, 'startRun', { body })
  assert.deepEqual([run.state, began], ['running', true])
  assert.equal((await mesh.call(follower, 'run', { parameters: { run: run.id } })).run.id, run.id)
})

test('a wrong expression is refused with the place and what there is', async () => {
  const mesh = await Mesh.of('wrong', 1)
  const asking = (where: string) => mesh.call(mesh.leader!, 'runs', { query: { limit: 5, where } })
  await assert.rejects(asking('nam == "x"'), (error) => {
    assert.ok(error instanceof ApiRefusal)
    assert.match(error.why, /character 1: .*nam/)
    return true
  })
  await assert.rejects(asking('took'), /picked by true or false/)
})

test('an archived run is shown, watched and read like any other', async () => {
  const mesh = await withArchived('show')
  for (const member of mesh.members) {
    const parameters = { run: 'abc1' }
    const { run, stages } = await mesh.call(member, 'run', { parameters })
    assert.equal(run.state, 'failed')
    assert.deepEqual(
      stages.map(({ name, state }) => [name, state]),
      [
        ['build', 'succeeded'],
        ['check', 'succeeded'],
      ],
    )
    const [news, ...more] = await mesh.lines(member, 'watchRun', { parameters })
    assert.deepEqual([news?.run.id, news?.stages.length, more], ['abc1', 2, []])
    const parts = await mesh.lines(member, 'runLogs', { parameters })
    assert.deepEqual(new Set(parts.map(({ stage }) => stage)), new Set(['build']))
    assert.match(parts.map(({ text }) => text ?? '').join(''), /the end of the log/)
  }
  assert.equal(
    (await mesh.call(mesh.leader!, 'run', { parameters: { run: '@latest' } })).run.id,
    'new1',
  )
})

test('@latest is not a run that another run has begun', async () => {
  const mesh = await withArchived('part')
  await mesh.ok(startRun('part1', { parent: { run: 'new1', stage: 'build' } }))
  const parameters = { run: '@latest' }
  assert.equal((await mesh.call(mesh.follower, 'run', { parameters })).run.id, 'new1')
})

test('a start of an id fits what is archived as well, and must fit one', async () => {
  const mesh = await withArchived('start')
  const show = (run: string) => mesh.call(mesh.follower, 'run', { parameters: { run } })
  assert.equal((await show('new')).run.id, 'new1')
  await assert.rejects(show('abc'), /fits abc1, abc2/)
  await assert.rejects(show('nothing'), /there is no run "nothing"/)
})

test('an agent that lacks a run asks others before it says that there is none', async () => {
  const mesh = await Mesh.of('lacks', 5, { afterMs })
  const { follower } = mesh
  follower.isFull = true
  await mesh.ended('r1')
  await mesh.archived('r1', 120_000)
  await mesh.world.runFor(2_000)
  assert.ok(!mesh.kept('r1').includes(follower.host))
  const { run } = await mesh.call(follower, 'run', { parameters: { run: 'r' } })
  assert.equal(run.id, 'r1')
  const { runs } = await mesh.call(follower, 'runs', { query: { limit: 5 } })
  assert.deepEqual(
    runs.map(({ id }) => id),
    ['r1'],
  )
})

test('what is over cannot be stopped any more, archived or not', async () => {
  const mesh = await withArchived('over')
  const parameters = { run: 'abc1' }
  const body = { reason: '' }
  for (const route of ['cancelRun', 'killRun'] as const) {
    await assert.rejects(mesh.call(mesh.leader!, route, { parameters, body }), /has ended: failed/)
  }
})

test('of what is over it is told how it ended and where it was tried, archived or not', async () => {
  const mesh = await withArchived('explained')
  const asked = { parameters: { run: 'abc1' }, query: {} }
  const whole = await mesh.call(mesh.follower, 'explainRun', asked)
  assert.match(whole.why ?? '', /^it has failed/)
  assert.deepEqual(whole.stages, [], 'all that it did has succeeded')
  const one = await mesh.call(mesh.follower, 'explainRun', { ...asked, query: { stage: 'build' } })
  assert.match(one.stages[0]?.why ?? '', /^try 1 on \S+ succeeded/)
})

const workflow = `
apiVersion: skein/v1
kind: Workflow
name: release
stages:
  build: { function: { module: 'skein:noop' } }
  test: { needs: [build], function: { module: 'skein:noop' } }
`

test('the same key again is the same run again, also when that is archived', async () => {
  const mesh = await Mesh.of('key', 3, { afterMs, schedules: true })
  const start = (text: string) =>
    mesh.call(mesh.follower, 'startRun', { body: { workflow: text, key: 'k' } })
  const first = await start(workflow)
  assert.equal(first.began, true)
  await mesh.until(() => mesh.hot(first.run.id)?.head.state === 'succeeded', 'it succeeds')
  await mesh.archived(first.run.id, 120_000)
  const again = await start(workflow)
  assert.deepEqual([again.began, again.run.id], [false, first.run.id])
  await assert.rejects(start(workflow.replace('test:', 'more:')), /the key has begun run/)
})

test('an archived run is done again in part, and keeps what it is to keep', async () => {
  const mesh = await Mesh.of('again', 3, { afterMs, schedules: true })
  const { run } = await mesh.call(mesh.follower, 'startRun', { body: { workflow } })
  await mesh.until(() => mesh.hot(run.id)?.head.state === 'succeeded', 'it succeeds')
  await mesh.archived(run.id, 120_000)
  const retried = await mesh.call(mesh.follower, 'retryRun', {
    parameters: { run: run.id },
    body: { from: ['test'] },
  })
  const { id } = retried.run
  await mesh.until(() => mesh.hot(id)?.head.state === 'succeeded', 'it succeeds again')
  const { stages, kept } = await mesh.call(mesh.follower, 'run', { parameters: { run: id } })
  assert.deepEqual(kept, ['build'])
  assert.deepEqual(
    stages.map(({ adopted, attempts }) => [adopted, attempts?.length]),
    [
      [true, 0],
      [undefined, 1],
    ],
  )
})

test('a run keeps any number of stages of another, whatever they are called', async () => {
  const mesh = await Mesh.of('many', 3, { afterMs, schedules: true })
  const names = Array.from({ length: 90 }, (_, i) => `${'long'.repeat(14)}-${i}`)
  const lines = names.map((name) => `  ${name}: { function: { module: 'skein:noop' } }\n`)
  const wide = `apiVersion: skein/v1\nkind: Workflow\nname: wide\nstages:\n${lines.join('')}`
  await mesh.until(() => mesh.leader?.agent.ledger.state.version === LEDGER_VERSION, 'it is agreed')
  const { run } = await mesh.call(mesh.leader!, 'startRun', { body: { workflow: wide } })
  await mesh.until(() => mesh.hot(run.id)?.head.state === 'succeeded', 'it succeeds')
  await mesh.archived(run.id, 120_000)
  const retried = await mesh.call(mesh.leader!, 'retryRun', {
    parameters: { run: run.id },
    body: { only: [names[3]!] },
  })
  const { id } = retried.run
  await mesh.until(() => mesh.hot(id)?.head.state === 'succeeded', 'it succeeds again')
  assert.ok(mesh.hot(id)?.spec.retry?.kept !== undefined)
  const { stages, kept } = await mesh.call(mesh.leader!, 'run', { parameters: { run: id } })
  const others = names.filter((_, i) => i !== 3).sort()
  assert.deepEqual(kept, others)
  const adopted = stages.filter((stage) => stage.adopted === true).map(({ name }) => name)
  assert.deepEqual(adopted.sort(), others)
})

test('a run whose predecessor nobody keeps any more is cancelled, and says why', async () => {
  const mesh = await Mesh.of('nobody', 3, { afterMs, schedules: true })
  const { run } = await mesh.call(mesh.leader!, 'startRun', { body: { workflow } })
  await mesh.until(() => mesh.hot(run.id)?.head.state === 'succeeded', 'it succeeds')
  const { spec } = mesh.hot(run.id)!
  const retry = { run: 'gone', keep: ['build'] }
  await mesh.do(startRun('again', { ...spec, retry }))
  await mesh.until(() => mesh.hot('again')?.head.state === 'cancelled', 'it ends', 120_000)
  assert.match(mesh.hot('again')?.head.reason ?? '', /run gone, .* kept by no agent/)
  assert.ok(mesh.hot('again')?.units.every(({ attempt }) => attempt === 0))
})
