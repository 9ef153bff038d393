/** Late attempts are raced by a second one, where the stage allows that: the first to succeed counts. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { schedulerLimits } from '../../coordinator/scheduler/core/limits.ts'
import { LEDGER_VERSION } from '../../protocol/ledger/state.ts'
import { withStages } from '../workflow/stage.ts'
import { type Fate, type Fates, fails, host, Mesh, type MeshOptions, succeeds } from './mesh.ts'
import { knownTimes } from './race-times.ts'

const one = withStages('  s: { run: x, race: true, retry: { attempts: 2, initial: 1s } }\n')

/** What the first, the second and each further attempt of a stage comes to. */
const inTurn =
  (...fates: Fate[]): Fates =>
  ({ id }) =>
    fates[id.attempt - 1] ?? succeeds({ by: id.attempt }, 1_000)

function meshOf(fates: Fates, more: MeshOptions = {}): Mesh {
  return new Mesh({ times: knownTimes, fates, isNew: true, ...more })
}

const slow = succeeds({ by: 1 }, 60_000)
const quick = succeeds({ by: 2 }, 1_000)
/** When the first is late and the second has just begun. */
const raceMs = 4_500

function attemptsOf(mesh: Mesh, run: string) {
  const { attempts = [] } = mesh.unit(run, 's')!
  return attempts.map(({ attempt, outrun, record }) => {
    return `${attempt} ${outrun ? 'outrun' : record === undefined ? 'lost' : 'told'}`
  })
}

test('a late attempt is raced on another host, and whoever succeeds first counts', () => {
  const mesh = meshOf(inTurn(slow, quick))
  const run = mesh.start(one)
  mesh.run(4_000)
  const { node, rival } = mesh.unit(run, 's')!
  assert.ok(rival !== undefined && rival.node !== node)
  assert.match(
    mesh.scheduler.explain(run, 's')?.stages[0]?.why ?? '',
    /attempt 2 runs beside it on/,
  )
  mesh.run(5_000)
  const unit = mesh.unit(run, 's')!
  assert.deepEqual([unit.state, unit.attempt, unit.node], ['succeeded', 2, rival.node])
  assert.deepEqual(JSON.parse(unit.outputs ?? ''), { by: 2 })
  assert.equal(mesh.state(run), 'succeeded')
  assert.deepEqual(attemptsOf(mesh, run), ['1 outrun', '2 told'])
  const [stopped] = mesh.cancels
  assert.deepEqual([stopped?.node, stopped?.id.attempt], [node, 1])
  assert.equal(mesh.raced.length, 1)
  assert.deepEqual(mesh.drops, [])
})

test('the first may still be the first, and the second is stopped', () => {
  const mesh = meshOf(inTurn(succeeds({ by: 1 }, 5_000), slow))
  const run = mesh.start(one)
  mesh.run()
  assert.equal(mesh.unit(run, 's')?.outputs, '{"by":1}')
  assert.deepEqual(attemptsOf(mesh, run), ['1 told', '2 outrun'])
  assert.deepEqual(
    mesh.cancels.map(({ id }) => id.attempt),
    [2],
  )
})

test('nothing is raced that does not ask for it, is not late, or has nowhere else to go', () => {
  const silent = withStages('  s: { run: x }\n')
  const cases: [string, Mesh][] = [
    [silent, meshOf(inTurn(slow))],
    [one, meshOf(inTurn(succeeds({}, 2_000)))],
    [one, meshOf(inTurn(slow), { hosts: [host('a')] })],
    [one, meshOf(inTurn(slow), { hosts: [host('a'), host('b', { attemptsMax: 0 })] })],
    [one, meshOf(inTurn(slow), { isNew: false })],
  ]
  for (const [text, mesh] of cases) {
    const run = mesh.start(text)
    mesh.run()
    assert.deepEqual([mesh.state(run), mesh.raced.length], ['succeeded', 0])
    assert.equal(mesh.unit(run, 's')?.attempts?.length, 1)
  }
})

test('what waits for a host comes first; a race begins when nobody does', () => {
  const text = withStages(
    '  s: { run: x, race: true }\n  filler: { run: y, forEach: { items: [1, 2, 3, 4] } }\n',
  )
  const fates: Fates = ({ id }) =>
    id.stage === 'filler' ? succeeds({}, 3_000) : id.attempt === 1 ? slow : quick
  const mesh = meshOf(fates, { hosts: ['a', 'b'].map((id) => host(id, { attemptsMax: 1 })) })
  const run = mesh.start(text)
  mesh.run(7_000)
  assert.equal(mesh.late.length > 0, true)
  assert.equal(mesh.raced.length, 0)
  mesh.run()
  assert.equal(mesh.raced.length, 1)
  assert.equal(mesh.state(run), 'succeeded')
  assert.ok(mesh.nowMs < 1_000_000 + 20_000)
})

test('one that fails leaves it to the other, and no try is used up', () => {
  for (const [first, second] of [
    [fails('transient', 'no', 5_000), succeeds({ by: 2 }, 8_000)],
    [succeeds({ by: 1 }, 20_000), fails('transient', 'no', 1_000)],
  ] as const) {
    const mesh = meshOf(inTurn(first, second))
    const run = mesh.start(one)
    mesh.run()
    assert.equal(mesh.state(run), 'succeeded')
    const unit = mesh.unit(run, 's')!
    assert.deepEqual([unit.failures, unit.attempts?.length], [{}, 2])
    assert.deepEqual(attemptsOf(mesh, run), ['1 told', '2 told'])
  }
})

test('when both have failed it has failed once, and the next try is a third attempt', () => {
  const mesh = meshOf(
    inTurn(
      fails('transient', 'no', 6_000),
      fails('transient', 'nor', 500),
      succeeds({ by: 3 }, 9_000),
    ),
  )
  const run = mesh.start(one)
  mesh.run()
  const unit = mesh.unit(run, 's')!
  assert.deepEqual([unit.state, unit.attempt, unit.failures], ['succeeded', 3, { transient: 1 }])
  assert.equal(mesh.raced.length, 1, 'a stage is raced once')
})

test('outputs that are none are a failure of that attempt alone', () => {
  const wrong: Fate = { afterMs: 500, outcome: { kind: 'succeeded', value: { outputs: '[1]' } } }
  const mesh = meshOf(inTurn(succeeds({ by: 1 }, 9_000), wrong))
  const run = mesh.start(one)
  mesh.run()
  assert.equal(mesh.unit(run, 's')?.outputs, '{"by":1}')
})

test('a host that takes no second attempt ends the race, and nothing else', () => {
  for (const declines of ['busy', 'unsupported', 'stopping'] as const) {
    const mesh = meshOf(inTurn(succeeds({ by: 1 }, 9_000), { ...quick, declines }))
    const run = mesh.start(one)
    mesh.run()
    assert.equal(mesh.unit(run, 's')?.outputs, '{"by":1}')
    assert.equal(mesh.raced.length, 1)
  }
})

test('whichever host is lost, the other attempt goes on as the only one', () => {
  for (const loser of ['first', 'second'] as const) {
    const mesh = meshOf(inTurn(succeeds({ by: 1 }, 9_000), succeeds({ by: 2 }, 9_000)))
    const run = mesh.start(one)
    mesh.run(raceMs)
    const { node, rival } = mesh.unit(run, 's')!
    mesh.killHost(loser === 'first' ? node! : rival!.node)
    mesh.run(100)
    const { rival: gone, failures, attempt } = mesh.unit(run, 's')!
    assert.deepEqual([gone, failures, attempt], [undefined, {}, loser === 'first' ? 2 : 1])
    mesh.run()
    assert.equal(mesh.unit(run, 's')?.outputs, loser === 'first' ? '{"by":2}' : '{"by":1}')
    assert.equal(mesh.unit(run, 's')?.attempts?.length, 2)
  }
})

test('when both hosts are lost it is tried again, as the third attempt', () => {
  const mesh = meshOf(inTurn(slow, slow))
  const run = mesh.start(one)
  mesh.run(raceMs)
  const { node, rival } = mesh.unit(run, 's')!
  mesh.killHost(node!)
  mesh.killHost(rival!.node)
  mesh.run()
  const unit = mesh.unit(run, 's')!
  assert.deepEqual([unit.state, unit.attempt, unit.failures], ['succeeded', 3, { lost: 1 }])
})

test('a new leader finds both, goes on with both, and races none again', () => {
  for (const committed of [0, 1, 2]) {
    const mesh = meshOf(inTurn(slow, succeeds({ by: 2 }, 9_000)))
    const run = mesh.start(one)
    mesh.run(raceMs)
    mesh.changeLeader(committed)
    mesh.run(2_000)
    assert.ok(mesh.unit(run, 's')?.rival)
    assert.deepEqual(mesh.cancels, [])
    mesh.run()
    assert.equal(mesh.unit(run, 's')?.outputs, '{"by":2}')
    assert.equal(mesh.raced.length, 1)
    assert.equal(mesh.started.length, 2)
  }
})

test('whenever the leader changes, one end is committed and nobody holds an attempt afterwards', () => {
  for (let atMs = 3_900; atMs < 6_600; atMs += 37) {
    for (const committed of [0, 1]) {
      const mesh = meshOf(inTurn(slow, quick))
      const run = mesh.start(one)
      mesh.run(atMs)
      mesh.changeLeader(committed)
      mesh.run()
      mesh.run(60_000, () => false)
      assert.equal(mesh.state(run), 'succeeded', `at ${atMs}`)
      const held = [...mesh.agents.values()].flatMap((agent) => [...agent.held.keys()])
      assert.deepEqual(held, [], `at ${atMs}`)
      assert.ok(mesh.started.length <= 2)
    }
  }
})

test('what is stopped is stopped on both hosts, and over when both say so', () => {
  for (const kind of ['runCancel', 'runKill'] as const) {
    const deaf = { ...succeeds({ by: 2 }, 20_000), ignoresCancel: true }
    const mesh = meshOf(inTurn(slow, deaf))
    const run = mesh.start(one)
    mesh.run(raceMs)
    mesh.stop(run, kind)
    mesh.run(1_000)
    assert.deepEqual(mesh.cancels.map(({ id }) => id.attempt).sort(), [1, 2])
    assert.equal(mesh.unit(run, 's')?.state, 'assigned', 'one has not said so')
    mesh.run()
    assert.notEqual(mesh.state(run), 'running')
    const held = [...mesh.agents.values()].flatMap((agent) => [...agent.held.keys()])
    assert.deepEqual(held, [])
  }
})

test('the time that all attempts may take ends both', () => {
  const mesh = meshOf(inTurn(slow, slow))
  const run = mesh.start(withStages('  s: { run: x, race: true, timeout: { total: 8s } }\n'))
  mesh.run()
  const unit = mesh.unit(run, 's')!
  assert.equal(unit.state, 'failed')
  assert.match(unit.why ?? '', /longer than 8 s with all attempts/)
  assert.deepEqual(mesh.cancels.map(({ id }) => id.attempt).sort(), [1, 2])
})

test('items of a forEach are raced one by one', () => {
  const fates: Fates = ({ id }) =>
    id.item === 1 && id.attempt === 1 ? slow : succeeds({ by: id.attempt }, 1_000)
  const mesh = meshOf(fates)
  const run = mesh.start(withStages('  s: { run: x, race: true, forEach: { items: [1, 2, 3] } }\n'))
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.deepEqual(
    mesh.raced.map(({ id }) => [id.item, id.attempt]),
    [[1, 2]],
  )
})

test('a time to wait in the queue is none of the second attempt', () => {
  const mesh = meshOf(inTurn(slow, quick))
  const run = mesh.start(withStages('  s: { run: x, race: true, timeout: { queue: 1s } }\n'))
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.equal(mesh.raced.length, 1)
})

test('what fits no host, whatever its room, keeps nobody from racing', () => {
  const mesh = meshOf(inTurn(slow, quick))
  const text = '  s: { run: x, race: true }\n  huge: { run: y, resources: { cpu: 1000 } }\n'
  const run = mesh.start(withStages(text))
  mesh.run(10_000)
  assert.equal(mesh.raced.length, 1)
  assert.equal(mesh.unit(run, 's')?.state, 'succeeded')
})

test('of many that are late only some are raced at once, and in the end all', () => {
  const fates: Fates = ({ id }) => (id.attempt === 1 ? { ...slow, afterMs: 600_000 } : quick)
  const mesh = meshOf(fates)
  const items = Array.from({ length: 12 }, (_, i) => i)
  const run = mesh.start(
    withStages(`  s: { run: x, race: true, forEach: { items: [${items.join()}] } }\n`),
  )
  let most = 0
  const startedMs = mesh.nowMs
  mesh.run(3_600_000, () => {
    const racing = mesh.view(run).units.filter(({ rival }) => rival !== undefined)
    most = Math.max(most, racing.length)
    return mesh.isAtRest()
  })
  assert.equal(most, schedulerLimits.racesMin)
  assert.deepEqual([mesh.state(run), mesh.raced.length], ['succeeded', 12])
  assert.ok(mesh.nowMs - startedMs < 60_000, 'nobody has waited for the slow ones')
  assert.deepEqual(mesh.drops, [])
})

test('a later try is not taken for one that was raced', () => {
  const mesh = meshOf(inTurn(fails('transient', 'no', 6_000), fails('transient', 'nor', 500), slow))
  const run = mesh.start(one)
  mesh.run(9_000)
  const why = () => mesh.scheduler.explain(run, 's')?.stages[0]?.why ?? ''
  assert.equal(mesh.unit(run, 's')?.attempt, 3)
  assert.match(why(), /it runs on/)
  assert.doesNotMatch(why(), /alone/)
})

test('which one came to nothing is said of the one that goes on alone', () => {
  for (const [first, second, words] of [
    [fails('transient', 'no', 5_000), slow, /alone, for the one before it came to nothing/],
    [slow, fails('transient', 'no', 500), /alone, for attempt 2, beside it, came to nothing/],
  ] as const) {
    const mesh = meshOf(inTurn(first, second))
    const run = mesh.start(one)
    mesh.run(7_000)
    assert.match(mesh.scheduler.explain(run, 's')?.stages[0]?.why ?? '', words)
  }
})

test('what was late before the ledger knew races is raced when it does', () => {
  const mesh = meshOf(inTurn(slow, quick), { isNew: false })
  const run = mesh.start(one)
  mesh.run(10_000)
  assert.deepEqual([mesh.late.length, mesh.raced.length], [1, 0])
  mesh.do({ kind: 'versionRaise', value: { to: LEDGER_VERSION } })
  mesh.run()
  assert.deepEqual([mesh.state(run), mesh.raced.length], ['succeeded', 1])
  assert.ok(mesh.nowMs < 1_000_000 + 20_000)
})

test('a success whose event has no value ends that attempt, and not the other', () => {
  const text = `  a: { run: x }
  s: { needs: [a], run: x, race: true, signal: { event: done, data: '\${{ stages.a.outputs.no }}' } }
`
  const fates: Fates = ({ id }) =>
    id.stage === 'a' ? succeeds({}) : id.attempt === 1 ? { ...slow, afterMs: 20_000 } : quick
  const mesh = meshOf(fates)
  const run = mesh.start(withStages(text))
  mesh.run(10_000)
  const { state, attempt } = mesh.unit(run, 's')!
  assert.deepEqual([state, attempt], ['assigned', 1])
  mesh.run()
  assert.deepEqual([mesh.unit(run, 's')?.state, mesh.drops], ['failed', []])
  assert.deepEqual(attemptsOf(mesh, run), ['1 told', '2 told'])
})
