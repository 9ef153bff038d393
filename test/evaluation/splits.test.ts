/** Whatever is learned from lies before what is asked, in every split and every way of asking. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { answersOf, questionOf, ways } from '../../models/evaluation/ask.ts'
import { hear, linesOf } from '../../models/evaluation/evaluate.ts'
import { byApplication, byTime } from '../../models/evaluation/splits.ts'
import type { Living, Question, Row } from '../../models/rows.ts'
import { row } from './stage.ts'

/** Its time tells rows apart: it is whole, and no two are the same. */
const histories = fc
  .array(
    fc.record({
      group: fc.constantFrom('a', 'b', 'c'),
      startedMs: fc.integer({ min: 0, max: 50 }),
      ms: fc.integer({ min: 0, max: 20 }),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((made) => made.map((each, i) => row({ ...each, inputBytes: i })))
  .map((rows) => rows.sort((a, b) => a.endedMs - b.endedMs))

const idsOf = (rows: readonly Row[]) => rows.map(({ inputBytes }) => inputBytes as number)

test('by time, all that is known has ended when the first of what is held back begins', () => {
  fc.assert(
    fc.property(histories, fc.double({ min: 0.1, max: 0.9, noNaN: true }), (rows, share) => {
      const { known, held, between } = byTime(rows, share)
      const lastEnd = Math.max(-Infinity, ...known.map(({ endedMs }) => endedMs))
      assert.ok(held.every(({ startedMs }) => startedMs >= lastEnd))
      assert.equal(known.length + held.length + between, rows.length)
      assert.equal(new Set([...idsOf(known), ...idsOf(held)]).size, known.length + held.length)
      assert.deepEqual(
        known.toSorted((a, b) => a.endedMs - b.endedMs),
        known,
      )
      assert.deepEqual(
        held.toSorted((a, b) => a.startedMs - b.startedMs),
        held,
      )
    }),
  )
})

test('the line is drawn at the share of attempts that was asked for', () => {
  const rows = Array.from({ length: 100 }, (_, i) => row({ startedMs: i * 10, ms: 10 }))
  const { known, held, between } = byTime(rows)
  assert.deepEqual([known.length, held.length, between], [70, 30, 0])
  const long = rows.map((each) => ({ ...each, endedMs: each.startedMs + 25 }))
  assert.deepEqual([byTime(long).known.length, byTime(long).between], [68, 2])
})

test('by application, nothing of the one that is asked is known', () => {
  fc.assert(
    fc.property(histories, (rows) => {
      const splits = byApplication(rows)
      assert.deepEqual(
        splits.map(({ name }) => name),
        [...new Set(rows.map(({ group }) => group))].sort(),
      )
      for (const { name, known, held } of splits) {
        assert.ok(held.every(({ group }) => group === name))
        assert.ok(known.every(({ group, endedMs }) => group !== name && endedMs <= 0))
        assert.equal(known.length + held.length, rows.length)
      }
    }),
  )
})

test('who lives on is told what has ended when something begins, and never more', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (rows) => {
      const held = rows.toSorted((a, b) => a.startedMs - b.startedMs)
      const told = new Set<number>()
      const asked: number[] = []
      const spy: Living = {
        tell: (ended, questions) => {
          assert.deepEqual(questions, ended.map(questionOf))
          for (const id of idsOf(ended)) told.add(id)
        },
        predict: (questions: readonly Question[]) => {
          for (const { inputBytes: id } of questions) {
            const { startedMs } = held.find((each) => each.inputBytes === id) as Row
            const before = held.filter(
              (each) => each.endedMs <= startedMs && each.startedMs < startedMs,
            )
            assert.deepEqual([...told].sort(), idsOf(before).sort())
            asked.push(id as number)
          }
          return Promise.resolve(questions.map(() => undefined))
        },
      }
      await answersOf(spy, held, 'living')
      assert.deepEqual(asked, idsOf(held))
    }),
  )
})

test('a question shows nothing of how it ends', () => {
  const asked = questionOf(row({ peakMemoryBytes: 7, load: 0.5 }))
  assert.deepEqual(asked, { task: 'fit', group: 'survey', host: 'h1', load: 0.5 })
})

test('who says nothing is compared where all say something', async () => {
  const rows = Array.from({ length: 10 }, (_, i) => row({ startedMs: i * 1_000, inputBytes: i }))
  const says = (name: string, from: number, ms: number) => ({
    name,
    fit: () =>
      Promise.resolve({
        predict: (questions: readonly Question[]) =>
          Promise.resolve(
            questions.map(({ inputBytes = 0 }) =>
              inputBytes < from ? undefined : { p10: ms, p50: ms, p90: ms, n: 1 },
            ),
          ),
      }),
  })
  const split = byTime(rows, 0.5)
  const heard = [
    await hear(says('all', 0, 2_000), split),
    await hear(says('some', 8, 1_000), split),
  ]
  for (const way of ways) {
    const [all, some] = linesOf([{ held: split.held, heard }], way)
    assert.deepEqual([all?.unknown, all?.own?.n, all?.common?.n], [0, 5, 2])
    assert.deepEqual([some?.unknown, some?.own?.n, some?.common?.n], [3, 2, 2])
    assert.deepEqual([all?.common?.medianError, some?.common?.medianError], [1, 0])
  }
})
