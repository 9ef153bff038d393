/** What a plan expects of times and chances, from what attempts like these were. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Piece, spanOf } from '../../coordinator/planning/finishing.ts'
import { planLimits } from '../../coordinator/planning/limits.ts'
import { Draws, figureAt, shareBelow } from '../../models/profiles/draws.ts'
import type { Estimate } from '../../models/profiles/pooling.ts'
import { graphOf } from '../../protocol/workflow/graph/graph.ts'
import { topologicalOrder } from '../../protocol/workflow/graph/order.ts'
import { planned, stageIn, withStages } from './planned.ts'

const range = fc
  .tuple(
    fc.double({ min: 1, max: 1e6, noNaN: true }),
    fc.double({ min: 1, max: 10, noNaN: true }),
    fc.double({ min: 1, max: 10, noNaN: true }),
  )
  .map(([p10, a, b]) => ({ p10, p50: p10 * a, p90: p10 * a * b, n: 30 }))

function drawn(p10: number, p50: number, p90: number, rest: Partial<Piece> = {}): Piece {
  return {
    kind: 'drawn',
    range: { p10, p50, p90, n: 30 },
    items: 1,
    atOnce: 1,
    ranMs: 0,
    ...rest,
  } as Piece
}

function spanFor(needs: number[][], pieces: Piece[]) {
  const graph = graphOf(needs)
  const sorted = topologicalOrder(graph)
  assert.ok(sorted.ok)
  return spanOf([{ graph, order: sorted.order, pieces }])
}

test('what is drawn from a range has its quantiles', () => {
  fc.assert(
    fc.property(range, (of) => {
      for (const [share, figure] of [
        [0.1, of.p10],
        [0.5, of.p50],
        [0.9, of.p90],
      ] as const) {
        assert.ok(
          Math.abs(figureAt(of, share) / figure - 1) < 0.01,
          `${figureAt(of, share)} is not ${figure}`,
        )
      }
      if (of.p10 < of.p50 * 0.99) assert.ok(Math.abs(shareBelow(of, of.p10) - 0.1) < 0.01)
    }),
  )
})

test('draws are even, and the same for the same seed', () => {
  const draws = new Draws(5)
  const drawnNow = Array.from({ length: 10_000 }, () => draws.next())
  assert.ok(drawnNow.every((each) => each > 0 && each < 1))
  assert.ok(Math.abs(drawnNow.reduce((sum, each) => sum + each) / 10_000 - 0.5) < 0.02)
  assert.equal(new Draws(5).next(), drawnNow[0])
})

test('a chain takes as long as all of it, what is beside each other as long as the slowest', () => {
  const chain = spanFor([[], [0]], [drawn(90, 100, 110), drawn(900, 1_000, 1_100)])
  assert.ok(chain && Math.abs(chain.p50Ms - 1_100) < 20, JSON.stringify(chain))
  const beside = spanFor([[], []], [drawn(90, 100, 110), drawn(900, 1_000, 1_100)])
  assert.ok(beside && Math.abs(beside.p50Ms - 1_000) < 20, JSON.stringify(beside))
  // Of two alike the slower is what counts: later than either in the middle.
  const alike = spanFor([[], []], [drawn(500, 1_000, 2_000), drawn(500, 1_000, 2_000)])
  assert.ok(alike && alike.p50Ms > 1_200 && alike.p50Ms < 1_500, JSON.stringify(alike))
})

test('bounds lie in order, and every stage can only make it longer', () => {
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 6 }), (ranges) => {
      const pieces = ranges.map(({ p10, p50, p90 }) => drawn(p10, p50, p90))
      const needs = ranges.map((_, i) => (i === 0 ? [] : [i - 1]))
      const span = spanFor(needs, pieces)!
      assert.ok(span.p10Ms <= span.p50Ms && span.p50Ms <= span.p90Ms)
      const longer = spanFor(
        [...needs, [needs.length - 1]],
        [...pieces, { kind: 'fixed', ms: 1e7 }],
      )!
      assert.ok(longer.p50Ms > span.p50Ms)
    }),
    { numRuns: 30 },
  )
})

test('items beyond what may run at once come in waves', () => {
  const all = spanFor([[]], [drawn(95, 100, 105, { items: 10, atOnce: 10 })])!
  const few = spanFor([[]], [drawn(95, 100, 105, { items: 10, atOnce: 2 })])!
  assert.ok(all.p50Ms >= 100 && all.p50Ms < 120, JSON.stringify(all))
  assert.ok(few.p50Ms > 480 && few.p50Ms < 530, JSON.stringify(few))
  const many = spanFor([[]], [drawn(95, 100, 105, { items: 10_000, atOnce: 1 })])!
  assert.ok(Math.abs(many.p50Ms - 1e6) < 0.05 * 1e6, JSON.stringify(many))
})

test('what has run for long has less before it, and never less than nothing', () => {
  const left = (ranMs: number) => spanFor([[]], [drawn(900, 1_000, 1_100, { ranMs })])!.p50Ms
  assert.ok(Math.abs(left(0) - 1_000) < 20)
  assert.ok(Math.abs(left(500) - 500) < 20)
  assert.ok(left(2_000) >= 0 && left(2_000) < 100)
})

test('no more figures are drawn than may be; what would be drawn too seldom is not told', () => {
  const graph = graphOf(Array.from({ length: 100 }, () => []))
  const sorted = topologicalOrder(graph)
  assert.ok(sorted.ok)
  let drawnNow = 0
  const range = {
    p10: 90,
    p90: 110,
    n: 30,
    get p50() {
      drawnNow++
      return 100
    },
  }
  const pieces = Array.from({ length: 100 }, () => drawn(90, 100, 110, { range } as Partial<Piece>))
  const of = (figuresMax: number) => spanOf([{ graph, order: sorted.order, pieces }], figuresMax)
  assert.ok(of(100 * planLimits.drawsMin))
  const least = drawnNow
  assert.ok(least > 0)
  assert.ok(of(200 * planLimits.drawsMin))
  assert.equal(drawnNow, 3 * least)
  assert.equal(of(100 * planLimits.drawsMin - 1), undefined)
  assert.equal(drawnNow, 3 * least)
})

test('of nothing but the unknown nothing is told', () => {
  assert.equal(spanFor([[]], [{ kind: 'unknown' }]), undefined)
  assert.deepEqual(
    spanFor(
      [[], [0]],
      [
        { kind: 'fixed', ms: 5 },
        { kind: 'fixed', ms: 6 },
      ],
    ),
    {
      p10Ms: 11,
      p50Ms: 11,
      p90Ms: 11,
    },
  )
})

const success = (share: number): Estimate => ({
  success: {
    ...{ share, low: share - 0.1, high: share, n: 20, source: 'history' as const },
    all: { succeeded: Math.round(20 * share), tried: 20 },
  },
})

test('a whole succeeds when every stage does, with the tries that it has', () => {
  const text = withStages(`
  a: { run: x, retry: { attempts: 2 } }
  b: { run: y, retry: { attempts: 1 } }
  c: { run: z, optional: true }
`)
  const shares: Record<string, number> = { a: 0.5, b: 0.9, c: 0.1 }
  const plan = planned(text, { estimateOf: ({ name }) => success(shares[name]!) })
  assert.ok(Math.abs(plan.expected.odds!.share - 0.75 * 0.9) < 1e-9)
  assert.ok(plan.expected.odds!.low < plan.expected.odds!.share)
  assert.equal(stageIn(plan, 'c').expected.odds?.share, 0.1)
})

test('doubts about stages are each by themselves, but those of which the same attempts speak are one', () => {
  const text = withStages('  a: { run: x }\n  b: { run: y }\n')
  const lowOf = (n: number) => {
    const other = { ...success(0.9).success!, n }
    const estimateOf = ({ name }: { name: string }) =>
      name === 'a' ? success(0.9) : { success: other }
    return planned(text, { estimateOf }).expected.odds!.low
  }
  // Both at their bounds at once, where it is the same doubt.
  assert.ok(Math.abs(lowOf(20) - 0.8 ** 2) < 1e-9, String(lowOf(20)))
  const apart = 0.9 ** 2 * (0.8 / 0.9) ** Math.SQRT2
  assert.ok(Math.abs(lowOf(21) - apart) < 1e-9, String(lowOf(21)))
})

test('where of one stage nothing is known, nothing is said of the whole succeeding', () => {
  const text = withStages('  a: { run: x }\n  b: { run: y }\n')
  const plan = planned(text, { estimateOf: ({ name }) => (name === 'a' ? success(1) : undefined) })
  assert.equal(plan.expected.odds, undefined)
  assert.equal(planned(withStages('  a: { wait: 1s }\n')).expected.odds, undefined)
})

test('stages that are skipped take nothing, those of finally come after all, those of onFailure never', () => {
  const text = withStages(`
  a: { run: x }
  b: { run: y, if: 1 > 2 }
onFailure:
  f: { run: z }
finally:
  e: { run: w }
`)
  const plan = planned(text, { expectedMs: () => 1_000 })
  assert.ok(Math.abs(plan.expected.time!.p50Ms - 2_000) < 20, JSON.stringify(plan.expected))
  assert.deepEqual(plan.expected.untimed, [])
})
