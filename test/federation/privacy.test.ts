import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clipped, norm } from '../../models/federation/aggregation/vectors.ts'
import { addNoise, epsilonOf, ownDeviation } from '../../models/federation/privacy.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

test('epsilon is what others work out who account by Rényi too', () => {
  // Opacus, tests/accountants_test.py: noise 1.5, a sample of 4%, 90 epochs, delta 1e-5.
  const sampled = epsilonOf({ multiplier: 1.5, share: 0.04, rounds: 2250 }, 1e-5)
  assert.ok(Math.abs(sampled - 7.32911117143) < 0.01, `${sampled}`)
})

test('with all hosts in each round, epsilon is near the exact one and never below it', () => {
  for (const multiplier of [0.8, 1, 2, 5]) {
    for (const rounds of [1, 10, 100]) {
      const said = epsilonOf({ multiplier, share: 1, rounds }, 1e-5)
      const exact = exactEpsilon(multiplier / Math.sqrt(rounds), 1e-5)
      assert.ok(said >= exact, `${said} under ${exact}`)
      assert.ok(said <= 1.25 * exact + 0.05, `${said} far over ${exact}`)
    }
  }
})

test('more noise, fewer rounds or a smaller sample cost less', () => {
  const spent = (multiplier: number, share: number, rounds: number) =>
    epsilonOf({ multiplier, share, rounds }, 1e-5)
  assert.ok(spent(2, 1, 10) < spent(1, 1, 10))
  assert.ok(spent(1, 1, 5) < spent(1, 1, 10))
  assert.ok(spent(1, 0.5, 10) < spent(1, 1, 10))
  assert.equal(spent(0, 1, 1), Number.POSITIVE_INFINITY)
})

test('nothing is longer than it may be once it is clipped, and what is short stays as it is', () => {
  const numbers = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 1 })
  fc.assert(
    fc.property(numbers, (values) => {
      const vector = Float32Array.from(values)
      const shorter = clipped(vector, 2)
      assert.ok(norm(shorter) <= 2.0001)
      if (norm(vector) <= 2) assert.deepEqual(shorter, vector)
    }),
  )
})

test('the noise of those who are honest is in the sum what was promised', () => {
  const honest = 5
  const length = 20_000
  const sum = new Float32Array(length)
  const deviation = ownDeviation(1.3, 2, honest)
  for (let i = 0; i < honest; i++) addNoise(sum, deviation, new SeededEntropy(`noise ${i}`))
  const found = norm(sum) / Math.sqrt(length)
  assert.ok(Math.abs(found / (1.3 * 2) - 1) < 0.02, `${found}`)
})

/** Balle and Wang 2018, theorem 8, by bisection: the least epsilon of one Gaussian. */
function exactEpsilon(multiplier: number, delta: number): number {
  let [low, high] = [0, 1_000]
  for (let turn = 0; turn < 100; turn++) {
    const epsilon = (low + high) / 2
    const half = 1 / (2 * multiplier)
    const logRight = epsilon + logNormalCdf(-half - epsilon * multiplier)
    const spent = Math.exp(logNormalCdf(half - epsilon * multiplier)) - Math.exp(logRight)
    if (spent > delta) low = epsilon
    else high = epsilon
  }
  return high
}

/** By integration, and by its expansion in the far tail. */
function logNormalCdf(x: number): number {
  if (x < -8) return -(x * x) / 2 - Math.log(-x * Math.sqrt(2 * Math.PI)) + Math.log1p(-1 / (x * x))
  const steps = 4_000
  const from = -12
  const width = (x - from) / steps
  let sum = 0
  for (let i = 0; i < steps; i++) {
    const at = from + (i + 0.5) * width
    sum += Math.exp(-(at * at) / 2)
  }
  return Math.log((sum * width) / Math.sqrt(2 * Math.PI))
}
