import assert from 'node:assert/strict'
import test from 'node:test'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import type { Transition } from '../../protocol/ledger/commands/work-transitions.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { AttemptReport } from '../../protocol/work/attempt.ts'
import { unitStates, waitReasons } from '../../protocol/work/states.ts'
import { head, withStages } from '../workflow/stage.ts'
import { fails, host, Mesh, succeeds } from './mesh.ts'

/** Something that the leader does not hear of. */
function unheard(mesh: Mesh, command: Command): void {
  mesh.replica.apply(mesh.replica.seal(command, mesh.nowMs), mesh.term)
}

function succeeded(
  run: string,
  stage: string,
  attempt: number,
  fence: { term: number; index: number },
): AttemptReport {
  const value = { outcome: { kind: 'succeeded', value: {} }, usage: {}, endedAtMs: 0 } as const
  return { id: { run, stage, attempt }, fence, news: { kind: 'finished', value } }
}

test('what stands on an end that does not come about does not begin, and the run is taken up as it is', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 100), commitMs: 0 })
  const run = mesh.start(withStages('  a: { run: x }\n  b: { needs: [a], run: x }\n'))
  mesh.run(20)
  const { attempt, fence, node } = mesh.unit(run, 'a')!
  const transition: Transition = {
    kind: 'finished',
    value: {
      stage: 'a',
      attempt,
      ...fence!,
      to: unitStates.waiting,
      waitsFor: waitReasons.retry,
      dueMs: mesh.nowMs,
    },
  }
  const runs = [{ run, transitions: [transition] }]
  unheard(mesh, { kind: 'workAdvance', value: { term: mesh.term, runs } })
  mesh.scheduler.report(node!, succeeded(run, 'a', attempt, fence!), mesh.nowMs)
  mesh.pump()
  assert.deepEqual(
    mesh.drops.map(({ code }) => code),
    ['stale', 'notYet'],
  )
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.equal(mesh.unit(run, 'a')?.attempt, 2)
})

test('only one run is read anew, and the others go on', () => {
  const mesh = new Mesh({ commitMs: 20 })
  const put = mesh.put(withStages('  a: { run: x }\n  b: { needs: [a], run: x }\n'))
  const runs = [mesh.start(put), mesh.start(put), mesh.start(put)]
  const [, second] = runs
  unheard(mesh, { kind: 'runCancel', value: { run: second!, by: 'eve', reason: 'enough' } })
  mesh.run()
  assert.equal(mesh.drops.length, 1)
  assert.deepEqual(
    runs.map((run) => mesh.state(run)),
    ['succeeded', 'cancelled', 'succeeded'],
  )
})

test('a result that comes again while it is on its way to the ledger is not called committed', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 60_000), commitMs: 20 })
  const run = mesh.start(withStages('  a: { run: x }\n'))
  mesh.run(100)
  const { attempt, fence, node } = mesh.unit(run, 'a')!
  const report = succeeded(run, 'a', attempt, fence!)
  const { scheduler } = mesh
  assert.equal(scheduler.report(node!, report, mesh.nowMs), 'taken')
  const turn = scheduler.turn(mesh.nowMs, mesh.replica.state.version)
  assert.ok(turn)
  assert.equal(scheduler.report(node!, report, mesh.nowMs), 'later')
  assert.deepEqual(scheduler.effects(), [])
  const effects = scheduler.settled(turn, { term: 1, index: 99 }, [], mesh.nowMs)
  assert.deepEqual(effects, [{ kind: 'committed', node, id: report.id, fence: report.fence }])
  assert.equal(scheduler.report(node!, report, mesh.nowMs), 'stale')
})

test('a host that dies while its assignment is on its way loses it all the same', () => {
  const mesh = new Mesh({ hosts: [host('a')], commitMs: 20 })
  const run = mesh.start(withStages('  a: { run: x }\n'))
  mesh.agents.get('a')!.isUp = false
  mesh.scheduler.hosts([host('a', { state: 'dead' })])
  mesh.scheduler.lostHost('a', mesh.nowMs)
  mesh.agents.set('b', { facts: host('b'), held: new Map(), isUp: true })
  mesh.scheduler.hosts([host('b')])
  mesh.run(1_000)
  assert.equal(mesh.state(run), 'succeeded')
  assert.equal(mesh.unit(run, 'a')?.node, 'b')
  assert.deepEqual(mesh.unit(run, 'a')?.failures, { lost: 1 })
})

test('a host that died before a run was read anew has lost its part of it', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 60_000), commitMs: 20 })
  const run = mesh.start(
    withStages(`  a: { run: x }
  b: { wait: 1s }
  c: { needs: [b], run: x }
  d: { wait: 1010ms }
  e: { needs: [d], run: x }
`),
  )
  mesh.run(500)
  const node = mesh.unit(run, 'a')!.node!
  // The ledger has a cancellation of which the leader hears only by what is dropped: first of c, and
  // while more is on its way the host dies.
  unheard(mesh, { kind: 'runCancel', value: { run, by: 'eve', reason: 'enough' } })
  mesh.run(525)
  assert.equal(mesh.drops.length, 1)
  mesh.agents.get(node)!.isUp = false
  mesh.scheduler.hosts([host(node, { state: 'dead' })])
  mesh.scheduler.lostHost(node, mesh.nowMs)
  mesh.run(10_000)
  assert.equal(mesh.drops.length, 2)
  assert.equal(mesh.unit(run, 'a')?.errorClass, 'lost')
  assert.equal(mesh.state(run), 'cancelled')
})

test('what follows the stages begins in a later entry than the last of their ends', () => {
  const mesh = new Mesh({
    fates: ({ id }) => (id.stage === 'b' ? fails('bug') : succeeds()),
  })
  mesh.start(`${head}stages:
  a: { run: x, compensate: undo }
  undo: { run: x }
  b: { needs: [a], run: x }
finally:
  clean: { run: x }
`)
  mesh.run()
  const entryOf = (stage: string, state: string) =>
    mesh.replica.events.find(
      ({ change }) =>
        change.kind === 'unitChanged' && change.stage === stage && change.state === state,
    )!.index
  assert.ok(entryOf('undo', 'assigned') > entryOf('b', 'failed'))
  assert.ok(entryOf('clean', 'assigned') >= entryOf('undo', 'succeeded'))
})

test('a fallback that still runs when its stage is cancelled ends before its run does', () => {
  const mesh = new Mesh({
    fates: ({ id }) => (id.stage === 'a' ? fails('bug') : succeeds(undefined, 60_000)),
  })
  const run = mesh.start(
    withStages('  a: { run: x, forEach: [1], fallback: help }\n  help: { run: x }\n'),
  )
  mesh.run(500)
  assert.equal(mesh.unit(run, 'help')?.state, 'assigned')
  unheard(mesh, { kind: 'runCancel', value: { run, by: 'eve', reason: 'enough' } })
  mesh.changeLeader()
  mesh.run(10_000)
  assert.equal(mesh.state(run), 'cancelled')
  assert.deepEqual(mesh.drops, [])
})

test('a host that was taken for dead and is heard again is asked first what it holds', () => {
  const mesh = new Mesh({ hosts: [host('a')] })
  mesh.scheduler.hosts([host('a', { state: 'dead' })])
  mesh.scheduler.lostHost('a', mesh.nowMs)
  const run = mesh.start(withStages('  a: { run: x }\n'))
  mesh.run(100)
  assert.deepEqual(mesh.started, [])
  mesh.scheduler.hosts([host('a')])
  assert.deepEqual(mesh.scheduler.awaited(), ['a'])
  mesh.run(100)
  assert.equal(mesh.state(run), 'succeeded')
})

test('what agents hold of a run that is still to come is neither taken nor killed', () => {
  const mesh = new Mesh()
  const { scheduler } = mesh
  const id = { run: 'late', stage: 'a', attempt: 1 }
  const fence = { term: 0, index: 5 }
  const report = succeeded('late', 'a', 1, fence)
  scheduler.expectRun('late', false)
  assert.equal(scheduler.report('a', report, mesh.nowMs), 'later')
  scheduler.inventory('a', [{ id, fence, state: 'running' }], mesh.nowMs)
  assert.deepEqual(scheduler.effects(), [])
  scheduler.dropRun('late')
  assert.equal(scheduler.report('a', report, mesh.nowMs), 'stale')
})

test('a run does not end on the end of a stage that does not come about', () => {
  const mesh = new Mesh({ commitMs: 10 })
  const run = mesh.start(withStages('  ask: { approve: {} }\n'))
  mesh.run(50)
  assert.equal(mesh.unit(run, 'ask')?.waitsFor, 'approval')
  mesh.vote(run, 'ask', 'bob')
  // The end of the stage and that of the run are on their way: and now somebody denies.
  const { planHash } = mesh.view(run).spec
  const value = { run, stage: 'ask', by: 'eve', approves: false, planHash }
  unheard(mesh, { kind: 'runVote', value })
  mesh.run()
  assert.deepEqual(
    mesh.drops.map(({ code }) => code),
    ['notYet', 'notYet'],
  )
  assert.deepEqual(mesh.states(run), { ask: 'failed' })
  assert.equal(mesh.state(run), 'failed')
})

/** Of every kind of stage that can come to its end without an agent, and one for agents. */
const gated = `${head}concurrency: k
stages:
  choice: { choose: { cases: [{ when: false, then: [b] }] } }
  tell: { signal: { event: told } }
  no: { if: false, run: x }
  a: { run: x }
  b: { needs: [choice, a], run: x }
finally: { clean: { run: x } }
`
const group = { group: { key: 'k', limit: 1, policy: 'queue' } }

test('nothing comes about in a run that is stopped before the ledger has let it in', () => {
  for (const kind of ['runCancel', 'runKill'] as const) {
    const mesh = new Mesh({ commitMs: 20 })
    const run = mesh.start(gated, {}, group)
    // That it is let in is on its way to the ledger, and the stop is there before it.
    mesh.run(10)
    assert.equal(mesh.state(run), 'queued')
    mesh.stop(run, kind)
    mesh.run()
    assert.deepEqual(
      mesh.drops.map(({ code }) => code),
      ['stopping'],
    )
    assert.equal(mesh.state(run), 'cancelled')
    assert.deepEqual(mesh.view(run).units, [])
    assert.deepEqual(read(mesh.replica.state, { kind: 'signalList' }).value.items, [])
    const next = mesh.start(gated, {}, group)
    mesh.run()
    assert.equal(mesh.state(next), 'succeeded', 'its place is free')
  }
})

test('a run that is stopped when the ledger has let it in ends all its stages, and cleans up', () => {
  const mesh = new Mesh({ commitMs: 20 })
  const newest = { group: { ...group.group, policy: 'cancelRunning' } }
  const put = mesh.put(
    gated.replace('concurrency: k', 'concurrency: { key: k, policy: cancelRunning }'),
  )
  const run = mesh.start(put, {}, newest)
  mesh.run(10)
  // This one takes its place; the ledger is told so after it was let in.
  const next = mesh.start(put, {}, newest)
  mesh.run()
  assert.deepEqual(mesh.drops, [])
  assert.equal(mesh.state(run), 'cancelled')
  const { clean, ...stages } = mesh.states(run)
  assert.equal(clean, 'succeeded')
  assert.deepEqual(Object.keys(stages).sort(), ['a', 'b', 'choice', 'no', 'tell'])
  for (const state of Object.values(stages)) assert.equal(state, 'cancelled')
  assert.equal(mesh.state(next), 'succeeded')
})
