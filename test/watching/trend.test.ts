import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { steadyRise, trendOf } from '../../models/watching/trend.ts'
import { Noise } from './noise.ts'

const minutes = (n: number) => Array.from({ length: n }, (_, i) => i * 60_000)
const per = (perMinute: number) => perMinute / 60_000

test('a slope is found through noise, and lies in its interval about as often as it says', () => {
  const noise = new Noise(7)
  let inside = 0
  const times = 200
  for (let i = 0; i < times; i++) {
    const atMs = minutes(60)
    const values = atMs.map((at) => 5_000 + at * per(3) + 20 * noise.normal())
    const trend = trendOf({ atMs, values })
    assert.ok(trend)
    assert.ok(Math.abs(trend.perMs - per(3)) < per(1))
    if (trend.low <= per(3) && per(3) <= trend.high) inside++
  }
  assert.ok(inside / times >= 0.84, `${inside} of ${times}`)
  // An interval that always holds it is wider than it says.
  assert.ok(inside < times, `${inside} of ${times}`)
})

test('a third of wild points moves the slope only a little', () => {
  const noise = new Noise(3)
  const atMs = minutes(60)
  const values = atMs.map((at, i) => at * per(3) + noise.normal() + (i % 4 === 3 ? 1e6 : 0))
  const trend = trendOf({ atMs, values })
  assert.ok(trend && Math.abs(trend.perMs - per(3)) < per(1.5), String(trend?.perMs))
})

test('what follows itself from point to point is less sure than what does not', () => {
  const noise = new Noise(11)
  const atMs = minutes(60)
  const alone = trendOf({ atMs, values: atMs.map((at) => at * per(1) + noise.normal()) })
  let walk = 0
  const walked = trendOf({
    atMs,
    values: atMs.map((at) => {
      walk = 0.9 * walk + noise.normal()
      return at * per(1) + walk
    }),
  })
  assert.ok(alone && walked)
  assert.ok(walked.high - walked.low > 2 * (alone.high - alone.low))
})

test('of too few points nothing is said', () => {
  assert.equal(trendOf({ atMs: minutes(7), values: [1, 2, 3, 4, 5, 6, 7] }), undefined)
})

test('a step is no steady rise, wherever it is and however high', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 59 }), fc.integer({ min: 1, max: 1e12 }), (at, high) => {
      const values = minutes(60).map((_, i) => (i < at ? 0 : high))
      assert.equal(steadyRise({ atMs: minutes(60), values }), undefined)
    }),
  )
})

test('a line is one, and its slope does not depend on where it begins', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e6 }),
      fc.integer({ min: 0, max: 1e9 }),
      (rise, from) => {
        const values = minutes(60).map((_, i) => from + rise * i)
        const found = steadyRise({ atMs: minutes(60), values })
        assert.ok(found)
        assert.ok(Math.abs(found.perMs * 60_000 - rise) < 1e-6 * rise)
      },
    ),
  )
})

test('what has come to rest, falls, or only wanders does not rise', () => {
  const resting = minutes(60).map((_, i) => 1_000 * (1 - Math.exp(-i / 5)))
  assert.equal(steadyRise({ atMs: minutes(60), values: resting }), undefined)
  const falling = minutes(60).map((_, i) => 1_000 - i)
  assert.equal(steadyRise({ atMs: minutes(60), values: falling }), undefined)
})
