/** What is told of kinds of work, against a memory that is dumb on purpose. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { quantile } from '../../models/measures/quantiles.ts'
import { levelsOf } from '../../models/profiles/levels.ts'
import { profileLimits } from '../../models/profiles/limits.ts'
import { estimateOf } from '../../models/profiles/pooling.ts'
import { type Past, Profiles, type Told } from '../../models/profiles/profiles.ts'
import { pooled, rangeOf } from '../../models/profiles/quantiles.ts'
import { shareOf } from '../../models/profiles/share.ts'

const attempt = fc.record({
  group: fc.constantFrom('w', 'x'),
  task: fc.constantFrom('script/a/00', 'script/a/11', 'program/a/00/2f', 'program/a/00'),
  tookMs: fc.integer({ min: 0, max: 10_000 }),
  ended: fc.constantFrom('succeeded', 'failed'),
})

/** Looks at everything for each question. */
function toldByHand(all: readonly Past[], key: string): Told | undefined {
  const meant = all
    .filter(({ group, task }) => levelsOf(group, task).some((level) => level.key === key))
    .slice(-profileLimits.attemptsPerKind)
  if (meant.length === 0) return undefined
  const good = meant.filter(({ ended }) => ended === 'succeeded')
  const tookMs = rangeOf(good.map((each) => each.tookMs))
  return {
    succeeded: good.length,
    tried: meant.length,
    ...(tookMs === undefined ? {} : { tookMs }),
  }
}

test('what is told of every key is what all that is remembered says of it', () => {
  const max = 40
  fc.assert(
    fc.property(fc.array(attempt, { maxLength: 120 }), (attempts) => {
      const profiles = new Profiles(max)
      let all: Past[] = []
      for (const [i, each] of attempts.entries()) {
        const past: Past = { ...each, id: i + 1, endedMs: i } as Past
        all.push(past)
        const forgotten = new Set(profiles.add(past).map(({ id }) => id))
        all = all.filter(({ id }) => !forgotten.has(id))
      }
      assert.equal(profiles.size, Math.min(max, attempts.length))
      const keys = new Set(
        all.flatMap(({ group, task }) => levelsOf(group, task).map(({ key }) => key)),
      )
      for (const key of keys) assert.deepEqual(profiles.told(key), toldByHand(all, key), key)
      assert.deepEqual([...profiles.past()], all)
    }),
  )
})

test('no kind crowds out another: of one, only the newest are remembered', () => {
  const profiles = new Profiles()
  let id = 0
  const add = (task: string, tookMs: number) =>
    profiles.add({ id: ++id, group: 'w', task, endedMs: id, tookMs, ended: 'succeeded' })
  for (let i = 0; i < 6; i++) add('script/rare/00', 50)
  const forgotten = Array.from({ length: 1_000 }, () => add('script/often/00', 1)).flat()
  assert.equal(profiles.told('w script/rare/00')?.tookMs?.n, 6)
  assert.equal(profiles.told('w script/often/00')?.tried, profileLimits.attemptsPerKind)
  assert.equal(forgotten.length, 1_000 - profileLimits.attemptsPerKind)
})

test('a prediction needs five, and takes them from what is similar before it says nothing', async () => {
  const profiles = new Profiles()
  let id = 0
  const add = (group: string, task: string, tookMs: number) =>
    profiles.add({ id: ++id, group, task, endedMs: id, tookMs, ended: 'succeeded' })
  const asked = { group: 'w', task: 'script/a/00', host: 'h' }
  for (let i = 0; i < 4; i++) add('w', 'script/a/00', 10)
  assert.deepEqual(await profiles.predict([asked]), [undefined])
  add('other', 'script/a/11', 1_000)
  const [similar] = await profiles.predict([asked])
  assert.equal(similar?.n, 5)
  add('w', 'script/a/00', 10)
  assert.deepEqual(await profiles.predict([asked]), [{ p10: 10, p50: 10, p90: 10, n: 5 }])
  assert.deepEqual(await profiles.predict([{ ...asked, task: 'script/b/00' }]), [undefined])
})

test('quantiles of a range lie in order, within what there was', () => {
  const figures = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), {
    minLength: 1,
    maxLength: 50,
  })
  fc.assert(
    fc.property(figures, (values) => {
      const range = rangeOf(values)!
      const places = [Math.min(...values), range.p10, range.p50, range.p90, Math.max(...values)]
      for (let i = 1; i < places.length; i++) assert.ok(places[i]! >= places[i - 1]! - 1e-6)
      assert.equal(range.n, values.length)
    }),
  )
})

test('ranges of several hosts together lie near the range of all that they saw', () => {
  const hosts = fc.array(
    fc.array(fc.double({ min: 100, max: 200, noNaN: true }), { minLength: 20, maxLength: 60 }),
    {
      minLength: 2,
      maxLength: 5,
    },
  )
  fc.assert(
    fc.property(hosts, (seen) => {
      const together = pooled(seen.map((values) => rangeOf(values)!))!
      const sorted = seen.flat().toSorted((a, b) => a - b)
      assert.equal(together.n, sorted.length)
      assert.ok(together.p10 <= together.p50 && together.p50 <= together.p90)
      // Within the ranges that were told: a mixture lies nowhere else.
      const told = seen.map((values) => rangeOf(values)!)
      assert.ok(together.p50 >= Math.min(...told.map(({ p50 }) => p50)) - 1e-6)
      assert.ok(together.p50 <= Math.max(...told.map(({ p50 }) => p50)) + 1e-6)
    }),
  )
})

test('a slow host moves the upper end of all, and leaves the middle', () => {
  const quick = { p10: 90, p50: 100, p90: 110, n: 24 }
  const slow = { p10: 900, p50: 1_000, p90: 1_100, n: 6 }
  const together = pooled([quick, slow])!
  assert.ok(together.p50 > 95 && together.p50 < 110, String(together.p50))
  assert.ok(together.p90 > 900 && together.p90 < 1_100, String(together.p90))
  assert.equal(together.n, 30)
})

test('one range alone is told as it is, and none is none', () => {
  const range = { p10: 1, p50: 2, p90: 3, n: 4 }
  assert.equal(pooled([range]), range)
  assert.equal(pooled([]), undefined)
  assert.equal(quantile([7], 0.9), 7)
})

test('a share of successes is as wide as few tries leave it', () => {
  const all = shareOf(30, 30)!
  assert.equal(all.share, 1)
  assert.ok(all.low > 0.9 && all.low < 0.93, String(all.low))
  assert.equal(all.high, 1)
  const few = shareOf(5, 5)!
  assert.ok(few.low < all.low)
  const half = shareOf(50, 100)!
  assert.ok(half.low > 0.41 && half.high < 0.59, JSON.stringify(half))
  assert.equal(shareOf(0, 0), undefined)
})

test('hosts of which none has ground alone have it together', () => {
  const told = (n: number): Told => ({
    succeeded: n,
    tried: n,
    tookMs: { p10: 9, p50: 10, p90: 11, n },
  })
  const key = 'w script/a/00'
  assert.deepEqual(estimateOf('w', 'script/a/00', new Map([[key, [told(2), told(2)]]])), {})
  const { tookMs, success } = estimateOf('w', 'script/a/00', new Map([[key, [told(2), told(3)]]]))
  assert.equal(tookMs?.n, 5)
  assert.equal(tookMs?.source, 'history')
  assert.equal(success?.n, 5)
})
