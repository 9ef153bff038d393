/** The checker of traces: quiet about what is right, and loud about each thing that is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type TaskRun, traceOrderViolations } from '../../simulations/checkers/trace-order.ts'

function traceOf(tasks: object[]): object {
  return { name: 'w', schemaVersion: '1.5', workflow: { specification: { tasks } } }
}

/** a before b and c, and d after both; each pair is named once, here or there. */
const diamond = traceOf([
  { id: 'a', parents: [], children: ['b', 'c'] },
  { id: 'b', parents: [], children: [] },
  { id: 'c', parents: ['a'], children: [] },
  { id: 'd', parents: ['b', 'c'], children: [] },
])

const done = (task: string, startedAt: number, endedAt: number): TaskRun => ({
  task,
  attempts: [{ startedAt, endedAt, succeeded: true }],
})

const right = [done('a', 0, 10), done('b', 10, 20), done('c', 11, 30), done('d', 30, 31)]

const but = (...changed: TaskRun[]) => [
  ...right.filter(({ task }) => !changed.some((each) => each.task === task)),
  ...changed,
]

const told = (history: readonly TaskRun[]) =>
  traceOrderViolations(diamond, history).map(({ checker, what }) => `${checker}: ${what}`)

test('nothing is said of a run in order, in whatever order it is told', () => {
  assert.deepEqual(told(right), [])
  assert.deepEqual(told(right.toReversed()), [])
})

test('a task may fail and be lost before it succeeds, but not afterwards', () => {
  const tries = (...ends: [number, number | undefined, boolean][]): TaskRun => ({
    task: 'd',
    attempts: ends.map(([startedAt, endedAt, succeeded]) => ({
      startedAt,
      succeeded,
      ...(endedAt === undefined ? {} : { endedAt }),
    })),
  })
  assert.deepEqual(told(but(tries([30, 31, false], [32, undefined, false], [33, 40, true]))), [])
  assert.deepEqual(told(but(tries([30, 31, true], [31, 32, false]))), [
    'every task once: d began again when it had succeeded',
  ])
  assert.deepEqual(told(but(tries([30, 31, true], [32, 33, true]))), [
    'every task once: d succeeded 2 times',
  ])
  assert.deepEqual(told(but(tries([30, 31, false]))), ['every task once: d never succeeded'])
  assert.deepEqual(told(but(tries())), ['every task once: d never ran'])
})

test('a success that is told in two places is two', () => {
  assert.deepEqual(told([...right, done('d', 32, 33)]), ['every task once: d succeeded 2 times'])
})

test('every task that began too early is told with each parent that it did not wait for', () => {
  assert.deepEqual(told(but(done('b', 9, 20), done('d', 19, 31))), [
    'parents first: b began before a, which succeeded at 10',
    'parents first: d began before b, which succeeded at 20',
    'parents first: d began before c, which succeeded at 30',
  ])
})

test('an attempt that failed must have waited, too', () => {
  const attempts = [
    { startedAt: 9, endedAt: 9, succeeded: false },
    { startedAt: 11, endedAt: 20, succeeded: true },
  ]
  assert.deepEqual(told(but({ task: 'b', attempts })), [
    'parents first: b began before a, which succeeded at 10',
  ])
})

test('children of a task that never succeeded should not have begun', () => {
  const attempts = [{ startedAt: 10, endedAt: 20, succeeded: false }]
  assert.deepEqual(told(but({ task: 'b', attempts })), [
    'every task once: b never succeeded',
    'parents first: d began before b, which never succeeded',
  ])
})

test('what cannot have been is told, and is no excuse for anything', () => {
  assert.deepEqual(told(but(done('d', 40, 39))), [
    'a history that can be: an attempt of d cannot have been',
  ])
  assert.deepEqual(told([...right, done('e', 1, 2)]), [
    'a history that can be: e ran and is in no trace',
  ])
  assert.deepEqual(told(but(done('d', Number.NaN, 40))), [
    'a history that can be: an attempt of d cannot have been',
  ])
  const open = [{ startedAt: 30, succeeded: true }]
  assert.deepEqual(told(but({ task: 'd', attempts: open })), [
    'a history that can be: an attempt of d cannot have been',
  ])
})

test('a run in order of any trace is right, and one task moved before a parent is found', () => {
  const pairs = fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(
      pairs,
      fc.nat(),
      fc.array(fc.nat(5), { minLength: 12, maxLength: 12 }),
      (raw, which, waits) => {
        const edges = raw.flatMap(([x, y]) =>
          x === y ? [] : [[Math.min(x, y), Math.max(x, y)] as const],
        )
        fc.pre(edges.length > 0)
        const id = (task: number) => `t${task}`
        const trace = traceOf(
          Array.from({ length: 12 }, (_, task) => ({
            id: id(task),
            parents: edges
              .filter(([, to], i) => to === task && i % 2 === 0)
              .map(([from]) => id(from)),
            children: edges
              .filter(([from], i) => from === task && i % 2 === 1)
              .map(([, to]) => id(to)),
          })),
        )
        // As early as parents let it, and then a little later: ends are in no order.
        const ends: number[] = []
        const runs = Array.from({ length: 12 }, (_, task) => {
          const parents = edges.filter(([, to]) => to === task).map(([from]) => ends[from]!)
          const startedAt = Math.max(0, ...parents) + waits[task]!
          ends[task] = startedAt + 1
          return done(id(task), startedAt, ends[task]!)
        })
        assert.deepEqual(traceOrderViolations(trace, runs), [])
        const [from, to] = edges[which % edges.length]!
        runs[to] = done(id(to), ends[from]! - 0.5, ends[to]!)
        const found = traceOrderViolations(trace, runs).map(({ what }) => what)
        assert.ok(
          found.includes(`t${to} began before t${from}, which succeeded at ${ends[from]}`),
          `${found}`,
        )
      },
    ),
  )
})
