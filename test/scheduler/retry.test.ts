import assert from 'node:assert/strict'
import test from 'node:test'
import { nextTryMs } from '../../coordinator/scheduler/core/retrying.ts'
import type { ErrorClass } from '../../protocol/workflow/model.ts'
import { stageIn, withStages } from '../workflow/stage.ts'
import { type Fates, fails, host, Mesh, succeeds } from './mesh.ts'

const half = { unit: () => 0.5 }

test('delays double up to the longest, with full jitter', () => {
  const stage = stageIn(
    withStages('  a: { run: x, retry: { attempts: 9, initial: 1s, max: 6s } }\n'),
    'a',
  )
  const delays = [1, 2, 3, 4, 5].map((count) => nextTryMs(stage, 'transient', count, half, 0))
  assert.deepEqual(delays, [500, 1_000, 2_000, 3_000, 3_000])
  assert.equal(nextTryMs(stage, 'transient', 9, half, 0), undefined)
})

test('each class of error has its own number of tries', () => {
  const stage = stageIn(
    withStages('  a: { run: x, retry: { attempts: 3, per: { resource: { attempts: 5 } } } }\n'),
    'a',
  )
  const lasts = (errorClass: ErrorClass) =>
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].find(
      (count) => nextTryMs(stage, errorClass, count, half, 0) === undefined,
    )
  assert.deepEqual(
    (['transient', 'resource', 'input', 'bug', 'lost'] as const).map(lasts),
    [3, 5, 1, 1, 10],
  )
})

test('failures of one class do not use up the tries of another', () => {
  const fates = ['transient', 'resource', 'transient', 'resource']
  const mesh = new Mesh({
    fates: ({ id }) =>
      id.attempt <= fates.length ? fails(fates[id.attempt - 1]) : succeeds(undefined, 5),
  })
  const run = mesh.start(withStages('  a: { run: x, retry: { attempts: 3 } }\n'))
  mesh.run()
  assert.deepEqual(mesh.unit(run, 'a')?.failures, { transient: 2, resource: 2 })
  assert.equal(mesh.unit(run, 'a')?.attempt, 5)
  assert.equal(mesh.state(run), 'succeeded')
})

test('an attempt that is lost with its host is tried elsewhere at once', () => {
  const mesh = new Mesh({ fates: ({ id }) => succeeds(undefined, id.attempt === 1 ? 10_000 : 5) })
  const run = mesh.start(withStages('  a: { run: x }\n'))
  mesh.run(100)
  const first = mesh.unit(run, 'a')?.node
  assert.ok(first)
  mesh.killHost(first)
  mesh.run(100)
  assert.equal(mesh.state(run), 'succeeded')
  assert.notEqual(mesh.unit(run, 'a')?.node, first)
  assert.deepEqual(mesh.unit(run, 'a')?.failures, { lost: 1 })
})

test('with onLost: fail it is not', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 10_000) })
  const run = mesh.start(withStages('  a: { run: x, onLost: fail }\n'))
  mesh.run(100)
  mesh.killHost(mesh.unit(run, 'a')!.node!)
  mesh.run(100)
  assert.equal(mesh.state(run), 'failed')
  assert.equal(mesh.unit(run, 'a')?.errorClass, 'lost')
})

test('a stage that no agent takes up in time fails, and says so', () => {
  const mesh = new Mesh({
    hosts: [host('a', { attemptsMax: 1 })],
    fates: () => succeeds(undefined, 60_000),
  })
  const busy = mesh.start(withStages('  a: { run: x }\n'))
  const run = mesh.start(withStages('  b: { run: x, timeout: { queue: 5s } }\n'))
  mesh.run(20_000)
  assert.equal(mesh.state(busy), 'running')
  assert.equal(mesh.state(run), 'failed')
  assert.match(mesh.unit(run, 'b')!.why!, /no agent had taken it up/)
})

test('what takes longer than its total time is stopped, and not tried again', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 60_000) })
  const run = mesh.start(withStages('  a: { run: x, timeout: { total: 5s }, retry: 5 }\n'))
  mesh.run(20_000)
  assert.equal(mesh.cancels.length, 1)
  assert.equal(mesh.state(run), 'failed')
  assert.match(mesh.unit(run, 'a')!.why!, /longer than/)
  assert.equal(mesh.unit(run, 'a')?.attempt, 1)
})

test('the total time counts the waits between attempts', () => {
  const mesh = new Mesh({ fates: () => fails(), seed: 5 })
  const run = mesh.start(
    withStages(
      '  a: { run: x, timeout: { total: 8s }, retry: { attempts: 100, initial: 3s, jitter: none, backoff: constant } }\n',
    ),
  )
  mesh.run(20_000)
  assert.equal(mesh.unit(run, 'a')?.attempt, 3)
  assert.equal(mesh.state(run), 'failed')
})

test('an attempt that its agent ended for its time is tried again', () => {
  const mesh = new Mesh({
    fates: ({ id }) =>
      id.attempt === 1
        ? {
            afterMs: 10,
            outcome: { kind: 'timedOut', value: { which: 'startToClose', afterMs: 10 } },
          }
        : succeeds(),
  })
  const run = mesh.start(withStages('  a: { run: x, retry: 2 }\n'))
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.deepEqual(mesh.unit(run, 'a')?.failures, { transient: 1 })
})

test('a host that declines because it is busy is left alone for a while, and it counts as no failure', () => {
  const mesh = new Mesh({
    fates: (_, node) => (node === 'c' ? succeeds() : { ...succeeds(), declines: 'busy' }),
  })
  const run = mesh.start(withStages('  a: { run: x }\n'))
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.equal(mesh.unit(run, 'a')?.node, 'c')
  assert.deepEqual(mesh.unit(run, 'a')?.failures, {})
})

test('a step that no host can do fails, with what the hosts say', () => {
  const mesh = new Mesh({ fates: () => ({ ...succeeds(), declines: 'unsupported' }) })
  const run = mesh.start(withStages('  a: { run: x, retry: 5 }\n'))
  mesh.run(60_000)
  assert.equal(mesh.state(run), 'failed')
  assert.equal(mesh.unit(run, 'a')?.attempt, 3)
  assert.equal(mesh.unit(run, 'a')?.errorClass, 'resource')
  assert.match(mesh.unit(run, 'a')!.why!, /no host does it: not [abc]/)
})

test('a step that one host cannot do waits for another one that is full', () => {
  const fates: Fates = ({ id }, node) => {
    if (id.stage === 'filler') return succeeds(undefined, 5_000)
    return node === 'b' ? { ...succeeds(), declines: 'unsupported' } : succeeds()
  }
  const hosts = ['a', 'b'].map((id) => host(id, { attemptsMax: 1 }))
  const mesh = new Mesh({ fates, hosts })
  const run = mesh.start(
    withStages('  filler: { run: y, where: { host: a }, priority: 9 }\n  s: { run: x }\n'),
  )
  mesh.run(60_000)
  assert.deepEqual([mesh.state(run), mesh.unit(run, 's')?.node], ['succeeded', 'a'])
})

test('what stands in for a stage whose total time was over decides how that ends', () => {
  const mesh = new Mesh({
    fates: ({ id }) => (id.stage === 'a' ? succeeds(undefined, 60_000) : fails('bug')),
  })
  const run = mesh.start(
    withStages('  a: { run: x, timeout: { total: 5s }, fallback: other }\n  other: { run: x }\n'),
  )
  mesh.run()
  assert.deepEqual(mesh.states(run), { a: 'failed', other: 'failed' })
  assert.equal(mesh.state(run), 'failed')
  assert.deepEqual(mesh.unit(run, 'a')?.failures, { transient: 1 })
})
