/** Errors of times and of chances, against what is reckoned by hand. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { brier, reliability } from '../../models/measures/chance.ts'
import { durationErrors, pinball } from '../../models/measures/duration.ts'

const range = (p10: number, p50: number, p90: number) => ({ p10, p50, p90, n: 1 })

test('errors of times are those that are reckoned by hand', () => {
  const errors = durationErrors([
    { range: range(1_000, 2_000, 4_000), actualMs: 4_000 },
    { range: range(1_000, 1_000, 1_000), actualMs: 2_000 },
    { range: range(500, 3_000, 9_000), actualMs: 1_000 },
  ])
  assert.ok(errors)
  assert.equal(errors.n, 3)
  // 50%, 50% and 200%.
  assert.equal(errors.medianError, 0.5)
  assert.equal(errors.coverage, 2 / 3)
  assert.equal(errors.width, 4)
  const first = 0.1 * 3 + 0.5 * 2 + 0
  const second = 0.1 * 1 + 0.5 * 1 + 0.9 * 1
  const third = 0.1 * 0.5 + 0.5 * 2 + 0.1 * 8
  assert.ok(Math.abs(errors.pinballSeconds - (first + second + third) / 9) < 1e-12)
  const logs = 0.1 * Math.log(4) + 0.5 * Math.log(2) + 1.5 * Math.log(2)
  const last = 0.1 * Math.log(2) + 0.5 * Math.log(3) + 0.1 * Math.log(9)
  assert.ok(Math.abs(errors.pinballLog - (logs + last) / 9) < 1e-12)
  assert.equal(durationErrors([]), undefined)
})

test('what took no time at all took as long as clocks can tell', () => {
  const errors = durationErrors([{ range: range(0, 0, 0), actualMs: 0 }])
  assert.deepEqual(errors && Object.values(errors).map((value) => Number.isFinite(value)), [
    ...new Array(6).fill(true),
  ])
  assert.equal(durationErrors([{ range: range(1, 3, 3), actualMs: 0.2 }])?.medianError, 2)
})

test('no number has a smaller loss than the quantile', () => {
  const numbers = fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(
      numbers,
      fc.integer({ min: -100, max: 100 }),
      fc.nat(10),
      (actual, other, tenth) => {
        const loss = (said: number) =>
          actual.reduce((sum, each) => sum + pinball(tenth / 10, said, each), 0)
        const sorted = actual.toSorted((a, b) => a - b)
        const at = Math.max(0, Math.ceil((tenth / 10) * sorted.length) - 1)
        assert.ok(loss(sorted[at] as number) <= loss(other) + 1e-9)
      },
    ),
  )
})

test('chances are judged by what happened', () => {
  const chances = [
    { said: 1, happened: true },
    { said: 0.75, happened: true },
    { said: 0.7, happened: false },
    { said: 0, happened: false },
  ]
  assert.ok(Math.abs((brier(chances) ?? 0) - (0.0625 + 0.49) / 4) < 1e-12)
  assert.equal(brier([]), undefined)
  assert.deepEqual(reliability(chances), [
    { n: 1, said: 0, happened: 0 },
    { n: 2, said: 0.725, happened: 0.5 },
    { n: 1, said: 1, happened: 1 },
  ])
})
