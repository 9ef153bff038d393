/** Hints from what attempts were like: timeouts and memory that do not go with it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Estimate } from '../../models/profiles/pooling.ts'
import { parseDuration } from '../../protocol/units.ts'
import { planned, stageIn, withStages } from './planned.ts'

type Took = Omit<NonNullable<Estimate['tookMs']>, 'source'>

function hinted(
  stage: string,
  took?: Took,
  peakMemoryBytes?: Took,
  source: 'history' | 'shape' = 'history',
): { code: string; message: string }[] {
  const estimate: Estimate = {
    ...(took === undefined ? {} : { tookMs: { ...took, source } }),
    ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes: { ...peakMemoryBytes, source } }),
  }
  return planned(withStages(`\n  a: { run: x${stage} }\n`), {
    estimateOf: () => estimate,
  }).hints.map(({ code, message }) => ({ code, message }))
}

const codes = (...asked: Parameters<typeof hinted>) => hinted(...asked).map(({ code }) => code)
const usual = { p10: 8_000, p50: 10_000, p90: 20_000, n: 40 }

test('a timeout below what nine of ten take is told, with one that leaves room', () => {
  const [hint] = hinted(', timeout: 15s', usual)
  assert.equal(hint?.code, 'shortTimeout')
  assert.match(
    hint?.message ?? '',
    /timeout of 15 s would cut off about 2\d% .* up to 20 s \(n=40\)/,
  )
  assert.match(hint?.message ?? '', /1m30s leaves room/)
  assert.deepEqual(codes(', timeout: { total: 15s }', usual), ['shortTimeout'])
})

test('of few attempts only a cut through their range is told, of many also one of its end', () => {
  assert.deepEqual(codes(', timeout: 25s', usual), ['shortTimeout'])
  assert.deepEqual(codes(', timeout: 25s', { ...usual, n: 6 }), [])
  assert.deepEqual(codes(', timeout: 15s', { ...usual, n: 6 }), ['shortTimeout'])
  assert.deepEqual(codes(', timeout: 2m', usual), [])
})

test('no timeout, or one far above all that was seen, is told where many attempts say so', () => {
  assert.deepEqual(codes('', usual), ['noTimeout'])
  assert.deepEqual(codes(', timeout: 2h', usual), ['longTimeout'])
  assert.deepEqual(codes(', timeout: 11m', usual), [])
  assert.deepEqual(codes('', { ...usual, n: 19 }), [])
})

test('what only similar work has shown, and what nobody has done, gives no hint', () => {
  assert.deepEqual(codes(', timeout: 1s', usual, usual, 'shape'), [])
  assert.deepEqual(codes(', timeout: 1s'), [])
})

test('what is advised is never told to be wrong itself', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e7 }),
      fc.integer({ min: 0, max: 1e7 }),
      fc.integer({ min: 0, max: 1e7 }),
      (p10, a, b) => {
        const took = { p10, p50: p10 + a, p90: p10 + a + b, n: 50 }
        const [hint] = hinted('', took)
        const advised = /; (\S+(?: s)?) leaves room/.exec(hint?.message ?? '')?.[1] ?? ''
        const written = advised.replace(' ', '')
        assert.ok(parseDuration(written).ok, hint?.message)
        assert.deepEqual(codes(`, timeout: ${written}`, took), [])
      },
    ),
    // Of times so far apart, twice what nearly all take is longer than a workflow may say.
    { numRuns: 50, examples: [[1, 0, 414_387]] },
  )
})

test('memory is told beside what is asked for, and where less is asked for than it takes', () => {
  const peak = { p10: 100 << 20, p50: 200 << 20, p90: 300 << 20, n: 12 }
  const [hint] = hinted(', timeout: 5m, resources: { memory: 256MiB }', undefined, peak)
  assert.equal(hint?.code, 'littleMemory')
  assert.match(hint?.message ?? '', /asks for 256 MiB .* up to 300 MiB \(n=12\)/)
  assert.deepEqual(codes(', resources: { memory: 512MiB }', undefined, peak), [])
  const text = withStages('\n  a: { run: x, resources: { memory: 256MiB } }\n')
  assert.equal(stageIn(planned(text), 'a').asksMemoryBytes, 256 << 20)
})
