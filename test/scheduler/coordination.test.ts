import assert from 'node:assert/strict'
import test from 'node:test'
import { depthLabel } from '../../coordinator/scheduler/core/subflows.ts'
import { head, withStages } from '../workflow/stage.ts'
import { fails, Mesh, succeeds } from './mesh.ts'

const named = (name: string, rest: string) =>
  `apiVersion: skein/v1\nkind: Workflow\nname: ${name}\n${rest}`

test('a wait is as long as it says', () => {
  const mesh = new Mesh()
  const run = mesh.start(withStages('  a: { wait: 90s }\n  b: { needs: [a], run: x }\n'))
  mesh.run(89_000)
  assert.deepEqual(mesh.started, [])
  assert.equal(mesh.unit(run, 'a')?.waitsFor, 'time')
  mesh.run(5_000)
  assert.equal(mesh.state(run), 'succeeded')
})

test('a wait until a time that is over is none', () => {
  const mesh = new Mesh()
  const run = mesh.start(
    withStages(
      '  a: { wait: { until: run.startedAt + duration("10s") } }\n  b: { wait: { until: run.startedAt } }\n',
    ),
  )
  mesh.run(9_000)
  assert.equal(mesh.unit(run, 'b')?.state, 'succeeded')
  assert.equal(mesh.unit(run, 'a')?.state, 'waiting')
  mesh.run(2_000)
  assert.equal(mesh.state(run), 'succeeded')
})

test('an approval takes as many people as it says, each once', () => {
  const mesh = new Mesh()
  const run = mesh.start(
    withStages('  a: { approve: { count: 2, message: Ship it? } }\n  b: { needs: [a], run: x }\n'),
  )
  mesh.run(1_000)
  assert.equal(mesh.unit(run, 'a')?.approval?.message, 'Ship it?')
  mesh.vote(run, 'a', 'bob')
  mesh.vote(run, 'a', 'bob')
  mesh.run(1_000)
  assert.equal(mesh.unit(run, 'a')?.state, 'waiting')
  assert.equal(mesh.vote(run, 'a', 'ann').code, 'notAllowed')
  mesh.vote(run, 'a', 'eve')
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.deepEqual(JSON.parse(mesh.unit(run, 'a')!.outputs!), { approvedBy: ['bob', 'eve'] })
  assert.deepEqual(mesh.drops, [])
})

test('one who denies is enough, and a fallback does not get round it', () => {
  const mesh = new Mesh()
  const run = mesh.start(
    withStages('  a: { run: x, approve: { count: 2 }, fallback: other }\n  other: { run: x }\n'),
  )
  mesh.vote(run, 'a', 'bob')
  mesh.run(100)
  mesh.vote(run, 'a', 'eve', false)
  mesh.run()
  assert.equal(mesh.state(run), 'failed')
  assert.equal(mesh.unit(run, 'a')?.why, 'eve has denied it')
  assert.deepEqual(mesh.started, [])
})

test('an approval that nobody gives in time is denied', () => {
  const mesh = new Mesh()
  const run = mesh.start(withStages('  a: { run: x, approve: { timeout: 1h } }\n'))
  mesh.run(3_599_000)
  assert.equal(mesh.state(run), 'running')
  mesh.run(2_000)
  assert.equal(mesh.state(run), 'failed')
  assert.match(mesh.unit(run, 'a')!.why!, /not approved in time/)
})

test('a step that was approved runs', () => {
  const mesh = new Mesh()
  const run = mesh.start(withStages('  a: { run: x, approve: {}, forEach: [1, 2] }\n'))
  mesh.run(100)
  mesh.vote(run, 'a', 'bob')
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.deepEqual(mesh.started, ['a/0', 'a/1'])
})

test('a signal is heard by those that wait for its key, in whatever run', () => {
  const mesh = new Mesh()
  const waits = (key: string) =>
    mesh.start(
      withStages(
        `  a: { await: { event: done, key: ${key} } }\n  b: { needs: [a], run: [echo, "\${{ stages.a.outputs.data.n }}"] }\n`,
      ),
    )
  const first = waits('x')
  const second = waits('y')
  mesh.run(100)
  mesh.signal('done', { key: 'x', data: '{"n":5}' })
  mesh.signal('done', { data: '{"n":6}' })
  mesh.run(100)
  assert.equal(mesh.state(first), 'succeeded')
  assert.equal(mesh.state(second), 'running')
  const sender = mesh.start(
    withStages('  a: { run: x, signal: { event: done, key: y, data: { n: 7 } } }\n'),
  )
  mesh.run(100)
  assert.equal(mesh.state(sender), 'succeeded')
  assert.equal(mesh.state(second), 'succeeded')
})

test('who begins to wait late hears what was sent since the run began, and nothing older', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 50) })
  mesh.signal('done')
  mesh.run(10)
  const run = mesh.start(withStages('  a: { run: x }\n  b: { needs: [a], await: done }\n'))
  mesh.run(500)
  assert.equal(mesh.unit(run, 'b')?.state, 'waiting')
  const other = mesh.start(withStages('  a: { run: x }\n  b: { needs: [a], await: done }\n'))
  mesh.after(10, () => mesh.signal('done'))
  mesh.run(500)
  assert.equal(mesh.state(other), 'succeeded')
  assert.equal(mesh.state(run), 'succeeded')
})

test('an event that does not come in time is a failure', () => {
  const mesh = new Mesh()
  const run = mesh.start(withStages('  a: { await: { event: never, timeout: 10s } }\n'))
  mesh.run()
  assert.equal(mesh.state(run), 'failed')
})

const child = named(
  'child',
  `inputs: { n: integer }\noutputs: { twice: "\${{ inputs.n * 2 }}" }\nstages:\n  c: { run: x }\n`,
)

test('a subflow runs as a run of its own, and hands back its outputs', () => {
  const mesh = new Mesh()
  mesh.publish(child)
  const run = mesh.start(`${head}outputs: { n: "\${{ stages.a.outputs.twice }}" }
stages:
  a: { workflow: child, with: { n: 21 } }
`)
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.deepEqual(mesh.outputs(run), { n: 42 })
  const own = mesh.view(mesh.unit(run, 'a')!.detail ?? '') as ReturnType<Mesh['view']> | undefined
  assert.equal(own?.spec.parent?.run, run)
  assert.equal(own?.spec.labels[depthLabel], '1')
  assert.deepEqual(mesh.drops, [])
})

test('a subflow that fails is a failure of the stage, and is started again as often as it may', () => {
  const mesh = new Mesh({ fates: () => fails('bug') })
  mesh.publish(child)
  const run = mesh.start(withStages('  a: { workflow: child, with: { n: 1 }, retry: 3 }\n'))
  mesh.run()
  assert.deepEqual(mesh.started, ['c', 'c', 'c'])
  assert.equal(mesh.state(run), 'failed')
  assert.match(mesh.unit(run, 'a')!.why!, /failed: c failed/)
})

test('one that is not waited for goes on by itself', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 5_000) })
  mesh.publish(child)
  const run = mesh.start(
    withStages('  a: { workflow: { name: child, wait: false }, with: { n: 1 } }\n'),
  )
  mesh.run(100)
  assert.equal(mesh.state(run), 'succeeded')
  const { run: own } = JSON.parse(mesh.unit(run, 'a')!.outputs!)
  assert.equal(mesh.state(own), 'running')
  mesh.run()
  assert.equal(mesh.state(own), 'succeeded')
})

test('cancelling a run cancels what it has started and waits for', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 60_000) })
  mesh.publish(child)
  const run = mesh.start(withStages('  a: { workflow: child, with: { n: 1 } }\n'))
  mesh.run(100)
  const own = mesh.unit(run, 'a')!.detail!
  mesh.stop(run)
  mesh.run()
  assert.equal(mesh.state(own), 'cancelled')
  assert.equal(mesh.state(run), 'cancelled')
})

test('a subflow that takes too long is stopped', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 60_000) })
  mesh.publish(child)
  const run = mesh.start(withStages('  a: { workflow: child, with: { n: 1 }, timeout: 5s }\n'))
  mesh.run(10_000)
  assert.equal(mesh.state(run), 'failed')
  assert.match(mesh.unit(run, 'a')!.why!, /took longer than/)
})

test('what cannot be started says why: no such workflow, wrong inputs, too deep', () => {
  const mesh = new Mesh()
  mesh.publish(child)
  mesh.publish(named('deep', 'stages:\n  a: { workflow: deep }\n'))
  const why = (stages: string) => {
    const run = mesh.start(withStages(stages))
    mesh.run()
    assert.equal(mesh.state(run), 'failed')
    return mesh.unit(run, 'a')!.why!
  }
  assert.match(why('  a: { workflow: nobody }\n'), /no workflow has the name nobody/)
  assert.match(
    why('  a: { workflow: child }\n'),
    /for the workflow child: the input n has no value/,
  )
  assert.match(why('  a: { workflow: deep }\n'), /failed/)
  const deepest = mesh.replica.events.filter(({ change }) => change.kind === 'runStarted')
  assert.equal(deepest.length, 3 + 16)
})

const grouped = (policy: string, limit = 1) =>
  named(
    'g',
    `concurrency: { key: k, limit: ${limit}, policy: ${policy} }\nstages:\n  a: { run: x }\n`,
  )

const group = (policy: string, limit = 1, key = 'k') => ({ group: { key, limit, policy } })

test('queue: runs of one group follow each other', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 1_000) })
  const put = mesh.put(grouped('queue'))
  const runs = [1, 2, 3].map(() => mesh.start(put, {}, group('queue')))
  mesh.run(500)
  assert.deepEqual(
    runs.map((run) => mesh.state(run)),
    ['running', 'queued', 'queued'],
  )
  mesh.run(1_000)
  assert.deepEqual(
    runs.map((run) => mesh.state(run)),
    ['succeeded', 'running', 'queued'],
  )
  mesh.run()
  assert.deepEqual(
    runs.map((run) => mesh.state(run)),
    ['succeeded', 'succeeded', 'succeeded'],
  )
  assert.deepEqual(mesh.drops, [])
})

test('cancelRunning: the newest goes in, and ends those that run and wait before it', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 1_000) })
  const put = mesh.put(grouped('cancelRunning'))
  const runs = [1, 2, 3].map(() => mesh.start(put, {}, group('cancelRunning')))
  mesh.run()
  assert.deepEqual(
    runs.map((run) => mesh.state(run)),
    ['cancelled', 'cancelled', 'succeeded'],
  )
  // Whether it ran or waited: the same took its place.
  for (const run of runs.slice(0, 2)) {
    const { reason } = mesh.view(run).head
    assert.equal(reason, 'a newer run of its concurrency group k takes its place')
  }
})

test('cancelNewest: who finds no room is cancelled', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 1_000) })
  const put = mesh.put(grouped('cancelNewest', 2))
  const runs = [1, 2, 3].map(() => mesh.start(put, {}, group('cancelNewest', 2)))
  mesh.run(100)
  assert.deepEqual(
    runs.map((run) => mesh.state(run)),
    ['running', 'running', 'cancelled'],
  )
  const { reason } = mesh.view(runs[2]!).head
  assert.equal(reason, 'its concurrency group k is full, and has no place for it')
  mesh.run()
  assert.deepEqual(mesh.started.length, 2)
})

test('roundRobin: keys take turns within the limit of all of them', () => {
  const order: string[] = []
  const mesh = new Mesh({
    fates: () => succeeds(undefined, 100),
    onAssign: ({ id }) => order.push(id.run),
  })
  const put = mesh.put(grouped('roundRobin'))
  const keyOf: Record<string, string> = {}
  for (const key of ['p', 'p', 'p', 'q', 'q', 'r']) {
    keyOf[mesh.start(put, {}, group('roundRobin', 1, key))] = key
  }
  mesh.run()
  assert.deepEqual(order.map((run) => keyOf[run]).join(''), 'pqrpqp')
})

test('stages with the same key share a limit, over all runs', () => {
  let live = 0
  let most = 0
  const mesh = new Mesh({
    onAssign: () => {
      live++
      most = Math.max(most, live)
      mesh.after(10, () => live--)
    },
    fates: () => succeeds(undefined, 12),
  })
  const put = mesh.put(
    withStages('  a: { run: x, concurrency: { key: db, limit: 2 }, forEach: [1, 2, 3] }\n'),
  )
  const runs = [1, 2, 3].map(() => mesh.start(put))
  mesh.run()
  assert.equal(most, 2)
  assert.equal(mesh.started.length, 9)
  for (const run of runs) assert.equal(mesh.state(run), 'succeeded')
})

test('a stage that makes room for a newer one is cancelled, and so is its run', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 1_000) })
  const put = mesh.put(
    withStages('  a: { run: x, concurrency: { key: db, policy: cancelRunning } }\n'),
  )
  const first = mesh.start(put)
  mesh.run(100)
  const second = mesh.start(put)
  mesh.run()
  assert.equal(mesh.state(first), 'cancelled')
  assert.equal(mesh.state(second), 'succeeded')
})

test('a new leader gives no place away while a run that may hold one is still to come', () => {
  for (const text of [
    'concurrency: { key: k }\nstages:\n  a: { run: x }\n',
    'stages:\n  a: { run: x, concurrency: { key: k } }\n',
  ]) {
    let live = 0
    let most = 0
    const mesh = new Mesh({
      onAssign: () => {
        most = Math.max(most, ++live)
        mesh.after(1_000, () => live--)
      },
      fates: () => succeeds(undefined, 1_000),
    })
    const put = mesh.put(`${head}${text}`)
    const of = text.startsWith('concurrency') ? group('queue') : {}
    const first = mesh.start(put, {}, of)
    mesh.run(100)
    const second = mesh.start(put, {}, of)
    mesh.run(100)
    mesh.changeLeader(0, [first])
    mesh.run(10_000)
    assert.notEqual(mesh.state(second), 'succeeded')
    mesh.load(first)
    mesh.pump()
    mesh.run()
    assert.equal(mesh.state(first), 'succeeded')
    assert.equal(mesh.state(second), 'succeeded')
    assert.equal(most, 1)
  }
})

test('a run that is only queued, and still to come, keeps nobody out', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 1_000) })
  const put = mesh.put(grouped('queue'))
  const runs = [1, 2, 3].map(() => mesh.start(put, {}, group('queue')))
  mesh.run(100)
  mesh.changeLeader(0, [runs[2]!])
  mesh.run(10_000)
  assert.deepEqual(
    runs.map((run) => mesh.state(run)),
    ['succeeded', 'succeeded', 'queued'],
  )
})

test('a run that does not come after all gives back the places that were kept for it', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 1_000) })
  const put = mesh.put(grouped('queue'))
  const [first, second] = [1, 2].map(() => mesh.start(put, {}, group('queue')))
  mesh.run(100)
  mesh.changeLeader(0, [first!])
  mesh.run(10_000)
  assert.equal(mesh.state(second!), 'queued')
  mesh.scheduler.dropRun(first!)
  mesh.pump()
  mesh.run(10_000)
  assert.equal(mesh.state(second!), 'succeeded')
})
