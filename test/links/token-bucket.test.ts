import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TokenBucket } from '../../agent/token-bucket.ts'

test('what is taken over any time is at most the burst and what that time earns', () => {
  const asks = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(2_000)), { maxLength: 50 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(50), asks, (perSecond, burst, list) => {
      const bucket = new TokenBucket(perSecond, burst, 0)
      let nowMs = 0
      let taken = 0
      for (const [amount, pauseMs] of list) {
        nowMs += pauseMs
        if (bucket.take(amount, nowMs)) taken += amount
        assert.ok(taken <= burst + (nowMs / 1_000) * perSecond + 1e-6)
      }
    }),
  )
})

test('a debt is paid after exactly the wait that was named, and nothing is taken before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 500 }), (rate, debt) => {
      const bucket = new TokenBucket(rate, 10, 0)
      bucket.charge(10 + debt, 0)
      assert.equal(bucket.full(0), false)
      const waitMs = bucket.waitMs(0)
      const exactMs = (debt / rate) * 1_000
      // To the last digit that both ways of computing it share.
      assert.ok(waitMs >= exactMs - 1e-6 && waitMs < exactMs + 1.001)
      assert.equal(bucket.take(1, waitMs / 2), false)
      assert.equal(bucket.waitMs(waitMs + 1), 0)
    }),
  )
})
