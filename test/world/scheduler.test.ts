/** Order, and nothing but order, against an oracle that sorts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Scheduled, Scheduler } from '../../simulations/world/scheduler.ts'

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ does: fc.constant('at' as const), ms: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('cancel' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('run' as const), ms: fc.nat(8) }) },
)

test('events fire by time and then by age, whatever is scheduled and cancelled in between', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const scheduler = new Scheduler()
      const fired: number[] = []
      const handles: Scheduled[] = []
      let pending: { atMs: number; id: number }[] = []
      const expected: number[] = []
      for (const one of steps) {
        if (one.does === 'at') {
          const id = handles.length
          const atMs = scheduler.nowMs + one.ms
          handles.push(scheduler.at(atMs, () => fired.push(id)))
          pending.push({ atMs, id })
        } else if (one.does === 'cancel' && handles.length > 0) {
          const id = one.which % handles.length
          scheduler.cancel(handles[id]!)
          pending = pending.filter((event) => event.id !== id)
        } else if (one.does === 'run') {
          const untilMs = scheduler.nowMs + one.ms
          scheduler.runSync(untilMs)
          const due = pending.filter((event) => event.atMs <= untilMs)
          due.sort((x, y) => x.atMs - y.atMs || x.id - y.id)
          expected.push(...due.map((event) => event.id))
          pending = pending.filter((event) => event.atMs > untilMs)
        }
        assert.equal(scheduler.pending, pending.length, 'cancelled events leave nothing behind')
      }
      assert.deepEqual(fired, expected)
    }),
    { numRuns: 300 },
  )
})

test('what is scheduled in the past happens now, after what is due already', () => {
  const scheduler = new Scheduler()
  const fired: string[] = []
  scheduler.at(5, () => {
    scheduler.at(1, () => fired.push(`late at ${scheduler.nowMs}`))
    fired.push('first')
  })
  scheduler.at(5, () => fired.push('second'))
  scheduler.runSync(10)
  assert.deepEqual(fired, ['first', 'second', 'late at 5'])
})

test('events of one owner can be forgotten, and the others keep their order', () => {
  const scheduler = new Scheduler()
  const fired: number[] = []
  const doomed = new Set<unknown>()
  for (let i = 0; i < 500; i++) {
    const event = scheduler.at((i * 7919) % 50, () => fired.push(i))
    if (i % 3 === 0) doomed.add(event)
  }
  scheduler.cancelAll((event) => doomed.has(event))
  scheduler.runSync(100)
  const kept = Array.from({ length: 500 }, (_, i) => i).filter((i) => i % 3 !== 0)
  kept.sort((x, y) => ((x * 7919) % 50) - ((y * 7919) % 50) || x - y)
  assert.deepEqual(fired, kept)
})

test('a time that is none is refused, before it can spoil the order of all', () => {
  const scheduler = new Scheduler()
  for (const atMs of [Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => scheduler.at(atMs, () => {}))
  }
  assert.equal(scheduler.pending, 0)
})
