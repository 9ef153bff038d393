import assert from 'node:assert/strict'
import test from 'node:test'
import { head, withStages } from '../workflow/stage.ts'
import { fails, host, Mesh, succeeds } from './mesh.ts'

test('attempts that are alive carry on under a new leader', () => {
  const mesh = new Mesh({ fates: () => succeeds({ n: 1 }, 1_000) })
  const run = mesh.start(withStages('  a: { run: x }\n  b: { needs: [a], run: x }\n'))
  mesh.run(500)
  mesh.changeLeader()
  mesh.run()
  assert.deepEqual(mesh.started, ['a', 'b'])
  assert.equal(mesh.state(run), 'succeeded')
  assert.equal(mesh.unit(run, 'a')?.attempt, 1)
})

test('until a host has said what it holds, it is given nothing', () => {
  const mesh = new Mesh({ hosts: [host('a')], fates: () => succeeds(undefined, 1_000) })
  mesh.start(withStages('  a: { run: x }\n'))
  mesh.run(500)
  mesh.changeLeader()
  assert.deepEqual(mesh.scheduler.awaited(), ['a'])
  mesh.start(withStages('  b: { run: x }\n'))
  mesh.run(1)
  assert.deepEqual(mesh.started, ['a'])
  mesh.run()
  assert.deepEqual(mesh.started, ['a', 'b'])
})

test('an assignment that was committed and never sent is sent by the next leader, as the same attempt', () => {
  const mesh = new Mesh({ commitMs: 10 })
  const run = mesh.start(withStages('  a: { run: x, onLost: fail }\n'))
  // The entry is committed, and its leader dies before it sends anything.
  mesh.commitOnly()
  assert.equal(mesh.unit(run, 'a')?.state, 'assigned')
  assert.deepEqual(mesh.started, [])
  mesh.changeLeader()
  mesh.run()
  assert.deepEqual(mesh.started, ['a'])
  assert.equal(mesh.unit(run, 'a')?.attempt, 1)
  assert.equal(mesh.state(run), 'succeeded')
})

test('a host that is dead when the leader comes loses its attempts', () => {
  const mesh = new Mesh({ fates: ({ id }) => succeeds(undefined, id.attempt === 1 ? 60_000 : 10) })
  const run = mesh.start(withStages('  a: { run: x }\n'))
  mesh.run(500)
  const node = mesh.unit(run, 'a')!.node!
  mesh.killHost(node)
  mesh.changeLeader()
  mesh.run(1_000)
  assert.equal(mesh.state(run), 'succeeded')
  assert.equal(mesh.unit(run, 'a')?.attempt, 2)
})

test('a host that comes back kills what is another attempt by now', () => {
  const mesh = new Mesh({ fates: ({ id }) => succeeds(undefined, id.attempt === 1 ? 60_000 : 10) })
  const run = mesh.start(withStages('  a: { run: x }\n'))
  mesh.run(500)
  const node = mesh.unit(run, 'a')!.node!
  // Cut off, not dead.
  mesh.scheduler.hosts([host(node, { state: 'dead' })])
  mesh.scheduler.lostHost(node, mesh.nowMs)
  mesh.pump()
  mesh.run(1_000)
  assert.equal(mesh.state(run), 'succeeded')
  mesh.reviveHost(node)
  mesh.run(100)
  assert.equal(mesh.cancels.at(-1)?.node, node)
  assert.equal(mesh.cancels.at(-1)?.id.attempt, 1)
})

test('a result that comes again after it was committed is answered, and changes nothing', () => {
  const mesh = new Mesh()
  const run = mesh.start(withStages('  a: { run: x }\n  b: { needs: [a], wait: 1h }\n'))
  mesh.run(1_000)
  const { attempts } = mesh.unit(run, 'a')!
  const { fence, node } = attempts![0]!
  const report = {
    id: { run, stage: 'a', attempt: 1 },
    fence,
    news: {
      kind: 'finished',
      value: { outcome: { kind: 'succeeded', value: {} }, usage: {}, endedAtMs: 0 },
    },
  } as const
  assert.equal(mesh.scheduler.report(node, report, mesh.nowMs), 'stale')
  assert.deepEqual(mesh.scheduler.effects(), [{ kind: 'committed', node, id: report.id, fence }])
  assert.equal(mesh.scheduler.turn(mesh.nowMs, mesh.replica.state.version), undefined)
})

test('a report of a fence that has passed is refused, and what still runs under it is killed', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 60_000) })
  const run = mesh.start(withStages('  a: { run: x }\n'))
  mesh.run(1_000)
  const node = mesh.unit(run, 'a')!.node!
  const id = { run, stage: 'a', attempt: 1 }
  const fence = { term: 0, index: 1 }
  const news = { kind: 'running', value: { forMs: 1, silentMs: 1 } } as const
  assert.equal(mesh.scheduler.report(node, { id, fence, news }, mesh.nowMs), 'stale')
  const [effect] = mesh.scheduler.effects()
  assert.equal(effect?.kind, 'cancel')
})

test('an assignment of which nothing is heard makes its host be asked, and is sent again', () => {
  const mesh = new Mesh({ hosts: [host('a')] })
  const agent = mesh.agents.get('a')!
  agent.isUp = false
  const run = mesh.start(withStages('  a: { run: x }\n'))
  mesh.run(500)
  assert.deepEqual(mesh.started, [])
  agent.isUp = true
  mesh.run(10_000)
  assert.deepEqual(mesh.started, ['a'])
  assert.equal(mesh.state(run), 'succeeded')
})

test('a run that is stopped while its next stage is on its way is read anew, and stops', () => {
  const mesh = new Mesh({ commitMs: 20 })
  const run = mesh.start(withStages('  a: { run: x }\n  b: { needs: [a], run: x }\n'))
  // The leader has not heard of it when it assigns.
  mesh.replica.apply(
    mesh.replica.seal(
      { kind: 'runCancel', value: { run, by: 'eve', reason: 'enough' } },
      mesh.nowMs,
    ),
    mesh.term,
  )
  mesh.run()
  assert.equal(mesh.drops[0]?.code, 'stopping')
  assert.deepEqual(mesh.started, [])
  assert.equal(mesh.state(run), 'cancelled')
})

test('every kind of waiting is taken up by the next leader', () => {
  const mesh = new Mesh({
    fates: ({ id }) =>
      id.stage === 'again' && id.attempt === 1
        ? fails()
        : id.stage === 'broken'
          ? fails('bug')
          : succeeds({ ok: 1 }, id.stage === 'help' ? 10_000 : 10),
  })
  mesh.publish(`apiVersion: skein/v1\nkind: Workflow\nname: child\nstages:\n  c: { wait: 9s }\n`)
  const run = mesh.start(`${head}stages:
  pause: { wait: 10s }
  agree: { approve: { count: 2 } }
  hear: { await: { event: go, key: k } }
  sub: { workflow: child }
  again: { run: x, retry: { attempts: 2, initial: 5s, jitter: none } }
  broken: { run: x, fallback: help }
  help: { run: x }
  many: { run: x, forEach: { items: [1, 2, 3], limit: 1 } }
  branch: { needs: [pause], choose: { cases: [{ when: 'true', then: yes }], otherwise: no } }
  yes: { needs: [pause, agree, hear, sub, again, broken, many], run: x }
  no: { run: x }
finally:
  last: { wait: 5s }
`)
  mesh.run(100)
  mesh.vote(run, 'agree', 'bob')
  for (let i = 0; i < 8; i++) {
    mesh.changeLeader()
    mesh.run(900)
  }
  assert.equal(mesh.unit(run, 'agree')?.state, 'waiting')
  mesh.vote(run, 'agree', 'eve')
  mesh.signal('go', { key: 'k' })
  for (let i = 0; i < 20; i++) {
    mesh.changeLeader()
    mesh.run(900)
  }
  assert.equal(mesh.state(run), 'succeeded')
  assert.equal(mesh.states(run).no, 'skipped')
  const counts = Object.groupBy(mesh.started, (each) => each)
  assert.equal(counts.again?.length, 2)
  assert.equal(counts.help?.length, 1)
  assert.equal(counts.yes?.length, 1)
  assert.deepEqual(mesh.drops, [])
})

test('a run that does another again keeps what it is told to keep', () => {
  let isBroken = true
  const mesh = new Mesh({
    fates: ({ id }) => (id.stage === 'c' && isBroken ? fails('bug') : succeeds({ by: id.run })),
  })
  const text = `${head}outputs: { by: "\${{ stages.b.outputs.by }}" }
stages:
  a: { run: x }
  pick: { needs: [a], choose: { cases: [{ when: 'true', then: b }], otherwise: d } }
  b: { run: x }
  d: { run: x }
  c: { needs: [b, d], run: [echo, "\${{ stages.a.outputs.by }}"] }
`
  const put = mesh.put(text)
  const first = mesh.start(put)
  mesh.run()
  assert.equal(mesh.state(first), 'failed')
  isBroken = false
  const again = mesh.start(put, {}, { retry: { run: first, keep: ['a', 'pick', 'b', 'd'] } })
  mesh.run()
  assert.equal(mesh.state(again), 'succeeded')
  assert.deepEqual(mesh.outputs(again), { by: first })
  assert.equal(mesh.unit(again, 'a')?.adopted, true)
  assert.deepEqual(
    mesh.started.filter((stage) => stage !== 'c'),
    ['a', 'b'],
  )
})

test('an attempt that its agent has taken and forgotten is sent there again', () => {
  const mesh = new Mesh({ hosts: [host('a')], fates: () => succeeds(undefined, 5_000) })
  const run = mesh.start(withStages('  only: { run: x }\n'))
  mesh.run(100)
  mesh.agents.get('a')!.held.clear()
  mesh.run(120_000)
  assert.equal(mesh.state(run), 'succeeded')
  assert.equal(mesh.unit(run, 'only')?.attempt, 1)
  assert.deepEqual(mesh.started, ['only', 'only'])
})

test('a new leader gives no place of a group away that a run it has not read yet holds', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 1_000) })
  const stage = '  a: { run: x, concurrency: { key: one, limit: 1 } }\n'
  const whole = `concurrency: { key: all, limit: 1 }\n${withStages('  c: { run: x }\n')}`
  // Runs are read in the order of their ids.
  for (const run of ['z', 'a']) {
    mesh.start(withStages(stage), {}, { run: `stage-${run}` })
    const group = { key: 'all', limit: 1, policy: 'queue' }
    mesh.start(whole, {}, { run: `run-${run}`, group })
    mesh.run(100)
  }
  mesh.changeLeader()
  mesh.run(400)
  assert.deepEqual(mesh.started, ['a', 'c'])
  assert.equal(mesh.state('run-a'), 'queued')
  mesh.run()
  assert.deepEqual(mesh.started, ['a', 'c', 'a', 'c'])
})

test('the place of a run that is gone goes to who waits for it', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 1_000) })
  const stage = withStages('  a: { run: x, concurrency: { key: one, limit: 1 } }\n')
  const gone = mesh.start(stage)
  const waits = mesh.start(stage)
  mesh.run(100)
  assert.equal(mesh.unit(waits, 'a'), undefined)
  mesh.scheduler.dropRun(gone)
  mesh.pump()
  mesh.run(100)
  assert.equal(mesh.unit(waits, 'a')?.state, 'assigned')
})
