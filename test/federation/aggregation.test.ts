import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type Contribution,
  type RuleName,
  ruleNames,
  rules,
} from '../../models/federation/aggregation/rules.ts'
import { multiKrum, normBound } from '../../models/federation/aggregation/selecting.ts'
import { distance, weightedMean } from '../../models/federation/aggregation/vectors.ts'
import { median } from '../../models/measures/quantiles.ts'

const robust: RuleName[] = ['multi-krum', 'median', 'trimmed-mean', 'centred-clipping']

const value = fc.float({ min: -1, max: 1, noNaN: true })
const updates = (count: number) =>
  fc.array(
    fc.array(value, { minLength: 5, maxLength: 5 }).map((values) => Float32Array.from(values)),
    { minLength: count, maxLength: count },
  )
const from = (vectors: readonly Float32Array[], weight = (_: number) => 1): Contribution[] =>
  vectors.map((update, i) => ({ from: `host-${i}`, update, weight: weight(i) }))

test('no rule minds in which order updates come', () => {
  fc.assert(
    fc.property(updates(7), fc.integer({ min: 1, max: 6 }), (vectors, turn) => {
      const given = from(vectors, (i) => 0.5 + i / 10)
      const turned = [...given.slice(turn), ...given.slice(0, turn)]
      for (const name of ruleNames) {
        // Where two are equally far, multi-krum must take one of them.
        if (name === 'multi-krum' && hasTies(vectors)) continue
        const a = rules[name](given, 2).update
        const b = rules[name](turned, 2).update
        assert.ok(distance(a, b) < 1e-4, name)
      }
    }),
  )
})

test('where all say the same, every rule says it too', () => {
  fc.assert(
    fc.property(updates(1), ([vector]) => {
      const given = from(Array.from({ length: 7 }, () => vector as Float32Array))
      for (const name of ruleNames) {
        assert.ok(distance(rules[name](given, 2).update, vector as Float32Array) < 1e-5, name)
      }
    }),
  )
})

test('two liars of seven move a robust rule no further than honest hosts lie apart', () => {
  const far = fc.double({ min: -1e6, max: 1e6, noNaN: true })
  fc.assert(
    fc.property(updates(5), fc.array(far, { minLength: 10, maxLength: 10 }), (honest, lies) => {
      const liars = [lies.slice(0, 5), lies.slice(5)].map((one) => Float32Array.from(one))
      const spread = Math.max(
        ...honest.flatMap((a) => honest.map((b) => distance(a, b))),
        Number.MIN_VALUE,
      )
      const middle = weightedMean(honest, [1, 1, 1, 1, 1])
      for (const name of robust) {
        const { update } = rules[name](from([...honest, ...liars]), 2)
        assert.ok(distance(update, middle) <= 3 * spread + 1e-5, `${name} ${spread}`)
      }
    }),
  )
})

test('one liar alone moves the average as far as it likes', () => {
  const honest = Array.from({ length: 6 }, () => Float32Array.of(1, 1))
  const { update } = rules.average(from([...honest, Float32Array.of(-700, 0)]), 1)
  assert.ok((update[0] as number) < -90)
})

test('the rules are what they are called', () => {
  const column = [4, -100, 1, 2, 3, 100, 0].map((one) => Float32Array.of(one))
  assert.equal(rules.median(from(column), 2).update[0], 2)
  assert.equal(rules['trimmed-mean'](from(column), 2).update[0], 2)
  assert.equal(rules['trimmed-mean'](from(column), 1).update[0], 2)
  assert.equal(rules.average(from(column), 0).update[0], Math.fround(10 / 7))
  assert.deepEqual(rules['multi-krum'](from(column), 2).kept, [
    'host-0',
    'host-2',
    'host-3',
    'host-4',
    'host-6',
  ])
})

test('weights count in an average, and none for more than four times the median', () => {
  const two = [Float32Array.of(0), Float32Array.of(1), Float32Array.of(1)]
  const even = rules.average(
    from(two, (i) => (i === 0 ? 2 : 1)),
    0,
  )
  assert.equal(even.update[0], 0.5)
  const greedy = rules.average(
    from(two, (i) => (i === 0 ? 1e9 : 1)),
    0,
  )
  assert.ok(Math.abs((greedy.update[0] as number) - 2 / 6) < 1e-6)
})

test('what is no number is left out and said, by every rule', () => {
  const given = from([1, 1, 1, 1, Number.NaN].map((one) => Float32Array.of(one)))
  for (const name of ruleNames) {
    const combined = rules[name](given, 1)
    assert.equal(combined.update[0], 1, name)
    assert.deepEqual(
      combined.leftOut.filter(({ why }) => why === 'notFinite'),
      [{ from: 'host-4', why: 'notFinite' }],
    )
  }
})

test('what is far too long is left out by the bound, and what is a little longer is not', () => {
  const points = [1, 1.2, 0.8, 2.5, 40].map((one) => Float64Array.of(one, 0))
  assert.deepEqual(normBound(points, 1), {
    kept: [0, 1, 2, 3],
    leftOut: [{ which: 4, why: 'tooLong' }],
  })
})

test('with too few to compare, multi-krum keeps all', () => {
  const points = [0, 1, 2].map((one) => Float64Array.of(one))
  assert.deepEqual(multiKrum(points, 1).kept, [0, 1, 2])
})

test('a median of evenly many lies between the two in the middle', () => {
  assert.equal(median([4, 1, 2, 3]), 2.5)
  assert.ok(Number.isNaN(median([])))
})

function hasTies(vectors: readonly Float32Array[]): boolean {
  const { length } = vectors
  const scores = vectors.map((a) =>
    vectors
      .map((b) => distance(a, b))
      .sort((x, y) => x - y)
      .slice(0, length - 3)
      .reduce((sum, one) => sum + one, 0),
  )
  const sorted = scores.sort((a, b) => a - b)
  return sorted.some((score, i) => i > 0 && score - (sorted[i - 1] as number) < 1e-3)
}
