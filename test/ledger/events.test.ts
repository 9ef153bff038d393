import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EventRing } from '../../protocol/ledger/event-ring.ts'
import { type Cursor, cursorAfterIndex, type LedgerEvent } from '../../protocol/ledger/events.ts'
import { localLimits } from '../../protocol/ledger/limits.ts'
import { put, Replica } from './stage.ts'

const event = (index: number, ordinal: number): LedgerEvent => ({
  index,
  ordinal,
  timeMs: 0,
  change: { kind: 'kvDeleted', namespace: 'n', key: `${index}.${ordinal}` },
})

const groupOf = (index: number, count: number) =>
  Array.from({ length: count }, (_, ordinal) => event(index, ordinal))

const isFrom = (event: LedgerEvent, { index, ordinal }: Cursor) =>
  event.index > index || (event.index === index && event.ordinal >= ordinal)

/** What a ring for so many has let go of: whole entries, the oldest first. */
function leftFrom(history: readonly LedgerEvent[], kept: number): LedgerEvent[] {
  let first = Math.max(0, history.length - kept)
  while (first < history.length && history[first]?.ordinal !== 0) first++
  return history.slice(0, first)
}

test('a subscriber that resumes gets every event from its cursor on, or is told of the gap', () => {
  const counts = fc.array(fc.nat(3), { minLength: 1, maxLength: 40 })
  const cursor = fc.record({ index: fc.nat(60), ordinal: fc.nat(4) })
  let gaps = 0
  let resumed = 0
  fc.assert(
    fc.property(
      fc.nat(9),
      counts,
      fc.nat(20),
      cursor,
      fc.integer({ min: 1, max: 5 }),
      (start, all, kept, from, max) => {
        const ring = new EventRing(start, { ...localLimits, eventsKeptMax: kept })
        const history: LedgerEvent[] = []
        for (const [i, count] of all.entries()) {
          const group = groupOf(start + 1 + i, count)
          history.push(...group)
          ring.push(start + 1 + i, group)
        }
        const last = start + all.length
        const isGap = from.index <= start || leftFrom(history, kept).some((e) => isFrom(e, from))
        const got: LedgerEvent[] = []
        let next = from
        for (;;) {
          const answer = ring.resume(next, max)
          if (answer.kind === 'ahead') {
            assert.ok(from.index > last + 1)
            return
          }
          if (answer.kind === 'gap') {
            assert.deepEqual(next, from, 'no gap opens while nothing is pushed')
            assert.equal(answer.readAt, last)
            assert.ok(isGap, 'there is a gap only where one must be')
            gaps++
            return
          }
          got.push(...answer.events)
          next = answer.next
          if (answer.events.length === 0) break
        }
        resumed++
        assert.ok(!isGap)
        assert.deepEqual(
          got,
          history.filter((event) => isFrom(event, from)),
        )
        assert.deepEqual(ring.resume(cursorAfterIndex(last)), {
          kind: 'events',
          events: [],
          next: { index: last + 1, ordinal: 0 },
        })
      },
    ),
    { numRuns: 2_000 },
  )
  assert.ok(gaps > 50 && resumed > 50, 'both are met')
})

test('a subscriber that keeps up hears everything once, in order, however the ring turns', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { maxLength: 60 }), (all) => {
      const ring = new EventRing(0, { ...localLimits, eventsKeptMax: 3 })
      const history: LedgerEvent[] = []
      const heard: LedgerEvent[] = []
      let next: Cursor = { index: 1, ordinal: 0 }
      for (const [i, count] of all.entries()) {
        const group = groupOf(i + 1, count)
        history.push(...group)
        ring.push(i + 1, group)
        const answer = ring.resume(next)
        assert.ok(answer.kind === 'events')
        heard.push(...answer.events)
        next = answer.next
      }
      assert.deepEqual(heard, history)
    }),
  )
})

test('large events leave sooner than small ones', () => {
  const ring = new EventRing(0, { ...localLimits, eventBytesKeptMax: 10_000 })
  const replica = new Replica()
  for (let i = 1; i <= 20; i++) {
    ring.push(i, replica.apply(replica.seal(put('k', 'v'.repeat(1_000)))).events)
  }
  assert.equal(ring.resume({ index: 12, ordinal: 0 }).kind, 'gap')
  const answer = ring.resume({ index: 13, ordinal: 0 })
  assert.ok(answer.kind === 'events')
  assert.equal(answer.events.length, 8)
})

test('events of applied commands are numbered by entry and place, and a replica restored resumes after its snapshot', () => {
  const replica = new Replica()
  replica.do(put('a'))
  replica.do(put('a', 'v', 99))
  replica.do(put('b'))
  assert.deepEqual(
    replica.events.map(({ index, ordinal }) => [index, ordinal]),
    [
      [1, 0],
      [3, 0],
    ],
  )
  const ring = new EventRing(replica.state.index)
  assert.deepEqual(ring.resume({ index: 3, ordinal: 0 }), { kind: 'gap', readAt: 3 })
  assert.equal(ring.resume({ index: 4, ordinal: 0 }).kind, 'events')
  assert.throws(() => ring.push(5, []), /without a gap/)
})
