/** Runs leave the ledger for the agents' histories, and nothing is lost on the way. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunFilter } from '../../protocol/ledger/queries.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import { launched, runStart, startRun } from '../work-ledger/stage.ts'
import { Mesh } from './stage.ts'

test('a run that has ended is kept by every agent, as the ledger had it', async () => {
  const mesh = await Mesh.of('kept', 3)
  await mesh.ended('r1', 'failed', { labels: { team: 'web' }, key: 'k' })
  const hot = mesh.hot('r1')
  assert.equal(hot?.units.length, 2)
  await mesh.keptBy(3, 'r1')
  for (const { agent } of mesh.members) {
    assert.deepEqual(await mesh.answer(agent.history.run('r1')), hot)
    assert.equal(
      await mesh.answer(agent.history.workflow(hot!.spec.workflow)),
      '{"name":"release"}',
    )
    assert.equal(await mesh.answer(agent.history.runOfKey('k')), 'r1')
  }
  assert.equal(mesh.kept('r1').length, 3, 'and a loss of power does not take it')
})

test('a run leaves the ledger when it has been over for long, and is found as before', async () => {
  const mesh = await Mesh.of('old', 3, { afterMs: 5 * 60_000 })
  await mesh.ended('r1')
  await mesh.ok(startRun('r2'))
  const hot = mesh.hot('r1')
  await mesh.keptBy(3, 'r1')
  await mesh.world.runFor(4 * 60_000)
  assert.deepEqual(mesh.hot('r1'), hot, 'it is too young to go')
  await mesh.archived('r1', 2 * 60_000)
  for (const { agent } of mesh.members) {
    await mesh.until(() => wholeRun(agent.ledger.state, { run: 'r1' }) === undefined, 'it is gone')
    assert.deepEqual(await mesh.answer(agent.history.run('r1')), hot)
  }
  assert.equal(mesh.hot('r2')?.head.state, 'running', 'what goes on stays')
})

test('a run stays in the ledger until a second host keeps it', async () => {
  const mesh = await Mesh.of('second', 3, { afterMs: 60_000 })
  const others = mesh.members.filter((member) => member !== mesh.leader)
  for (const other of others) other.isFull = true
  await mesh.ended('r1')
  await mesh.keptBy(1, 'r1')
  await mesh.world.runFor(10 * 60_000)
  assert.ok(mesh.hot('r1'), 'one is not enough')
  for (const other of others) other.isFull = false
  await mesh.archived('r1')
  assert.ok(mesh.kept('r1').length >= 2)
})

test('on a host that is alone one is enough', async () => {
  const mesh = await Mesh.of('alone', 1, { afterMs: 60_000 })
  await mesh.ended('r1')
  const hot = mesh.hot('r1')
  await mesh.archived('r1', 120_000)
  assert.deepEqual(await mesh.answer(mesh.leader!.agent.history.run('r1')), hot)
})

test('a host whose disk is full keeps no runs, says so, and keeps them when there is room', async () => {
  const mesh = await Mesh.of('full', 3)
  const { follower } = mesh
  const state = () => follower.agent.modules.states().find(({ name }) => name === 'history')
  follower.isFull = true
  await mesh.ended('r1')
  await mesh.keptBy(2, 'r1')
  await mesh.until(() => state()?.state === 'degraded', 'it says so')
  assert.match(state()?.why ?? '', /not kept here: .*no room/)
  assert.ok(!mesh.kept('r1').includes(follower.host))
  follower.isFull = false
  await mesh.keptBy(3, 'r1')
  assert.equal(state()?.state, 'ready')
})

test('what ended while an agent was away is kept when it is back', async () => {
  const mesh = await Mesh.of('away', 3)
  const { follower } = mesh
  await mesh.ended('r1')
  await mesh.keptBy(3, 'r1')
  follower.host.crash('powerLoss')
  await mesh.ended('r2')
  await mesh.keptBy(2, 'r2')
  follower.host.restart()
  await mesh.keptBy(3, 'r1', 'r2')
  assert.equal(mesh.kept('r2').length, 3)
})

test('what an agent has missed for good it fetches from others', async () => {
  const mesh = await Mesh.of('missed', 5, { afterMs: 60_000 })
  const { follower } = mesh
  follower.host.crash('kill')
  await mesh.ended('r1')
  const hot = mesh.hot('r1')
  await mesh.keptBy(4, 'r1')
  await mesh.ok(startRun('r2'))
  await mesh.archived('r1', 120_000)
  follower.host.restart()
  const { agent } = follower
  await mesh.until(() => agent !== follower.agent, 'it is back')
  await mesh.until(
    () => wholeRun(follower.agent.ledger.state, { run: 'r2' }) !== undefined,
    'level',
  )
  assert.ok(!mesh.kept('r1').includes(follower.host))
  await mesh.world.runFor(5_000)
  const { history, ledger } = follower.agent
  assert.deepEqual(await mesh.answer(history.run('r1')), hot)
  assert.deepEqual(await mesh.answer(history.ids('r1')), ['r1'])
  const question = { filter: {}, limit: 10 }
  const { items, silent } = await mesh.answer(history.list(ledger.state, question))
  assert.deepEqual(
    items.map(({ run }) => run),
    ['r2', 'r1'],
  )
  assert.equal(silent, 0)
})

test('a run that one which goes on has begun, or does again, stays in the ledger', async () => {
  const awaited = new Set<string>()
  const mesh = await Mesh.of('needed', 3, { afterMs: 60_000, awaited: () => awaited })
  await mesh.ok(startRun('parent'))
  await mesh.advance('parent', launched('sub', childOf('parent')))
  await mesh.advance('child', { kind: 'ended', value: { after: [], to: 3 } })
  await mesh.ended('old')
  await mesh.ended('free')
  awaited.add('old')
  await mesh.ok(startRun('again', { retry: { run: 'old', keep: ['build'] } }))
  await mesh.keptBy(3, 'child', 'old', 'free')
  await mesh.archived('free', 120_000)
  await mesh.world.runFor(30_000)
  assert.ok(mesh.hot('child'))
  assert.ok(mesh.hot('old'))
  await mesh.ok({ kind: 'runArchive', value: { runs: ['child'] } })
  assert.ok(mesh.hot('child'), 'the ledger itself does not let it go')
  await mesh.advance('parent', { kind: 'ended', value: { after: [], to: 4 } })
  awaited.clear()
  await mesh.archived('child')
  await mesh.archived('old')
})

function childOf(run: string): ReturnType<typeof runStart> {
  return { ...runStart('child'), parent: { run, stage: 'sub' } }
}

test('runs that go on are listed without asking anybody', async () => {
  const mesh = await Mesh.of('going', 3)
  await mesh.ended('r1')
  await mesh.ok(startRun('r2'))
  const { follower } = mesh
  await mesh.until(() => wholeRun(follower.agent.ledger.state, { run: 'r2' }) !== undefined, 'r2')
  for (const { host } of mesh.members) if (host !== follower.host) host.crash('kill')
  const { history, ledger } = follower.agent
  const listed = async (filter: RunFilter) => {
    const { items, silent } = await mesh.answer(history.list(ledger.state, { filter, limit: 10 }))
    return [items.map(({ run }) => run), silent]
  }
  assert.deepEqual(await listed({ states: ['queued', 'running'] }), [['r2'], 0])
  assert.deepEqual(await listed({ states: ['queued', 'succeeded', 'running'] }), [['r2', 'r1'], 2])
})
