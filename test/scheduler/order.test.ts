import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Heap, type HeapItem } from '../../coordinator/scheduler/core/heap.ts'
import { schedulerLimits } from '../../coordinator/scheduler/core/limits.ts'
import { head, withStages } from '../workflow/stage.ts'
import { host, Mesh, succeeds } from './mesh.ts'

const narrow = (fates = () => succeeds(undefined, 100)) =>
  new Mesh({ hosts: [host('a', { attemptsMax: 1 })], fates })

test('older runs go first', () => {
  const mesh = narrow()
  const order: string[] = []
  const stages = withStages('  a: { run: x }\n  b: { needs: [a], run: x }\n')
  const put = mesh.put(stages)
  const runs: string[] = []
  for (let i = 0; i < 3; i++) {
    mesh.after(i, () => runs.push(mesh.start(put)))
  }
  mesh.run(60_000, () => runs.length === 3 && mesh.isAtRest())
  for (const { change } of mesh.replica.events) {
    if (change.kind === 'unitChanged' && change.state === 'assigned')
      order.push(`${change.run}${change.stage}`)
  }
  const [first, second, third] = runs
  assert.deepEqual(order, [
    `${first}a`,
    `${first}b`,
    `${second}a`,
    `${second}b`,
    `${third}a`,
    `${third}b`,
  ])
})

function firstOf(mesh: Mesh, runs: readonly string[]): string {
  const [change] = mesh.replica.events.flatMap(({ change: each }) =>
    each.kind === 'unitChanged' && each.state === 'assigned' && runs.includes(each.run)
      ? [each]
      : [],
  )
  return change!.run
}

test('of runs that wait, the one of higher priority goes first', () => {
  const mesh = narrow()
  mesh.start(withStages('  a: { run: x }\n'))
  mesh.run(10)
  const low = mesh.start(`${head}priority: 10\nstages:\n  a: { run: x }\n`)
  const high = mesh.start(`${head}priority: 90\nstages:\n  a: { run: x }\n`)
  mesh.run()
  assert.equal(firstOf(mesh, [low, high]), high)
})

test('a priority given to the run goes before that of its workflow', () => {
  const mesh = narrow()
  mesh.start(withStages('  a: { run: x }\n'))
  mesh.run(10)
  const put = mesh.put(withStages('  a: { run: x }\n'))
  const low = mesh.start(put)
  const high = mesh.start(put, {}, { priority: 99 })
  mesh.run()
  assert.equal(firstOf(mesh, [low, high]), high)
})

test('a run with a near deadline goes before others of its age', () => {
  const mesh = narrow()
  mesh.start(withStages('  a: { run: x }\n'))
  mesh.run(10)
  const patient = mesh.start(withStages('  a: { run: x }\n'))
  const urgent = mesh.start(`${head}deadline: 1m\nstages:\n  a: { run: x }\n`)
  mesh.run()
  assert.equal(firstOf(mesh, [patient, urgent]), urgent)
})

test('of the stages of a run, those with the longest way to go begin first', () => {
  const mesh = narrow()
  mesh.start(
    withStages(`  short: { run: x }
  long: { run: x }
  then: { needs: [long], run: x }
  last: { needs: [then], run: x }
`),
  )
  mesh.run()
  assert.deepEqual(mesh.started, ['long', 'then', 'short', 'last'])
})

test('nobody starves: whoever has waited long enough goes before any priority', () => {
  const mesh = narrow(() => succeeds(undefined, 10_000))
  const put = mesh.put(`${head}priority: 100\nstages:\n  a: { run: x }\n`)
  const humble = mesh.put(`${head}priority: 0\nstages:\n  a: { run: x }\n`)
  const next = () => {
    mesh.start(put)
    mesh.after(9_000, next)
  }
  next()
  const run = mesh.start(humble)
  mesh.run(100_000)
  assert.equal(mesh.unit(run, 'a'), undefined)
  mesh.run(1_200_000)
  assert.equal(mesh.state(run), 'succeeded')
})

test('a stage that no host can take holds up no other', () => {
  const mesh = narrow()
  const stuck = Array.from(
    { length: schedulerLimits.particularTriesMax * 2 },
    (_, i) => `  s${i}: { run: x, where: { host: "nobody-\${{ run.id }}" } }\n`,
  ).join('')
  mesh.start(withStages(stuck))
  const run = mesh.start(
    withStages('  a: { run: x, where: { labels: { zone: none } } }\n  b: { run: x }\n'),
  )
  mesh.run(10_000)
  assert.deepEqual(mesh.started, ['b'])
  mesh.scheduler.hosts([host('late', { labels: { zone: 'none' } })])
  mesh.agents.set('late', { facts: host('late'), held: new Map(), isUp: true })
  mesh.run(10_000)
  assert.equal(mesh.state(run), 'succeeded')
})

test('a turn is no larger than an entry, however much there is to say', () => {
  const outputs = { v: 'x'.repeat(60_000) }
  const mesh = new Mesh({
    hosts: ['a', 'b'].map((id) => host(id, { attemptsMax: 512 })),
    fates: () => succeeds(outputs, 10),
    commitMs: 5,
  })
  const run = mesh.start(
    withStages(`  a: { run: x, forEach: "\${{ inputs.list }}" }\n`)
      .replace('stages:', 'inputs: { list: list }\nstages:')
      .replace('run: x', 'function: /f'),
    { list: Array.from({ length: 100 }, (_, i) => i) },
  )
  mesh.run()
  assert.deepEqual(mesh.rejected, [])
  assert.deepEqual(mesh.drops, [])
  // Together they are more than a stage hands on.
  assert.equal(mesh.state(run), 'failed')
  assert.match(mesh.unit(run, 'a')!.why!, /come to more than/)
})

interface Entry extends HeapItem {
  readonly key: number
}

test('a heap gives what is in it in order, whatever was taken out between', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean())), (steps) => {
      const heap = new Heap<Entry>((a, b) => a.key < b.key)
      const held: Entry[] = []
      for (const [key, takes] of steps) {
        if (takes && held.length > 0) heap.remove(held.splice(key % held.length, 1)[0]!)
        else {
          const entry = { key, place: -1 }
          held.push(entry)
          heap.push(entry)
        }
      }
      const keys: number[] = []
      for (let next = heap.pop(); next !== undefined; next = heap.pop()) keys.push(next.key)
      assert.deepEqual(
        keys,
        held.map(({ key }) => key).sort((a, b) => a - b),
      )
    }),
  )
})
