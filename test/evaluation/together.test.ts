/** What several learners say together, and that it is believed where it is less wrong than each. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OwnQuantiles } from '../../models/baselines/own-quantiles.ts'
import { Chosen } from '../../models/choosing/chosen.ts'
import { together } from '../../models/choosing/together.ts'
import { questionOf } from '../../models/evaluation/ask.ts'
import type { LivingLearner, Range } from '../../models/rows.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { row } from './stage.ts'

const range = (p50: number, n = 1): Range => ({ p10: p50 / 2, p50, p90: p50 * 2, n })

test('of three the middle is said, of two what lies between, of one what it says', () => {
  const rounded = (said: Range | undefined) => Math.round(said?.p50 ?? 0)
  assert.equal(rounded(together([range(10), range(1_000_000), range(30)])), 30)
  assert.equal(rounded(together([range(10), undefined, range(1_000)])), 100)
  assert.equal(together([undefined, range(10, 7), range(40, 3)])?.n, 7)
  assert.deepEqual(together([undefined, range(10)]), range(10))
  assert.equal(together([undefined, undefined]), undefined)
  assert.equal(together([]), undefined)
})

test('its figures are in order where those of all are, and within what was said', () => {
  const one = fc
    .tuple(...[0, 1, 2].map(() => fc.double({ min: 1, max: 1e9, noNaN: true })))
    .map((figures) => figures.toSorted((a, b) => a - b) as [number, number, number])
    .map(([p10, p50, p90]): Range => ({ p10, p50, p90, n: 1 }))
  fc.assert(
    fc.property(fc.array(fc.option(one, { nil: undefined }), { minLength: 1 }), (said) => {
      const all = together(said)
      if (all === undefined) return assert.ok(said.every((each) => each === undefined))
      const told = said.flatMap((each) => each ?? [])
      const slack = 1 + 1e-9
      assert.ok(all.p10 <= all.p50 * slack && all.p50 <= all.p90 * slack)
      assert.ok(all.p50 >= Math.min(...told.map(({ p50 }) => p50)) / slack)
      assert.ok(all.p50 <= Math.max(...told.map(({ p50 }) => p50)) * slack)
    }),
  )
})

test('where one says too much and another as much too little, both together are believed', async () => {
  const off = (name: string, factor: number): LivingLearner => ({
    name,
    fit: () =>
      Promise.resolve({
        tell: () => {},
        predict: (questions) =>
          Promise.resolve(questions.map(({ inputBytes = 0 }) => range(inputBytes * factor))),
      }),
  })
  const chance = new SeededEntropy('together')
  let atMs = 0
  const rows = Array.from({ length: 200 }, () => {
    const inputBytes = Math.round(1_000 * Math.exp(8 * chance.unit()))
    const made = row({ inputBytes, ms: inputBytes, startedMs: atMs })
    atMs = made.endedMs
    return made
  })
  // The plain one is in the middle nowhere: what it says is far below both.
  const plain = off('plain', 0.001)
  const living = await new Chosen(plain, [
    off('too little', 1 / 3),
    off('too much', 3),
    off('far too much', 1_000),
  ]).fit(rows)
  assert.equal(living.believed('survey'), 'together')
  const [said] = await living.predict([questionOf(row({ inputBytes: 50_000 }))])
  assert.equal(Math.round(said?.p50 ?? 0), 50_000)
  const right = await new Chosen(new OwnQuantiles(), [off('right', 1), off('wrong', 9)]).fit(rows)
  assert.equal(right.believed('survey'), 'right')
})
