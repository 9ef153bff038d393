import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatBytes, formatDuration, parseBytes, parseDuration } from '../../protocol/units.ts'

const whole = fc.oneof(fc.nat(), fc.maxSafeNat())

test('a duration that is written is read back as the same duration', () => {
  fc.assert(
    fc.property(whole, (ms) => {
      assert.deepEqual(parseDuration(formatDuration(ms)), { ok: true, value: ms })
    }),
  )
})

test('a size that is written is read back as the same size', () => {
  const roundish = fc.tuple(fc.nat(1_000), fc.nat(4)).map(([n, power]) => n * 1_024 ** power)
  fc.assert(
    fc.property(fc.oneof(whole, roundish), (bytes) => {
      assert.deepEqual(parseBytes(formatBytes(bytes)), { ok: true, value: bytes })
    }),
  )
})

test('durations are read as people write them', () => {
  const read: [string, number][] = [
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5h', 5_400_000],
    ['1h30m', 5_400_000],
    ['1.1s', 1_100],
    ['7d', 604_800_000],
    ['0s', 0],
  ]
  for (const [text, value] of read) assert.deepEqual(parseDuration(text), { ok: true, value }, text)
})

test('sizes are read in powers of two and of ten', () => {
  const read: [string, number][] = [
    ['512B', 512],
    ['64MiB', 67_108_864],
    ['1.5GiB', 1_610_612_736],
    ['2TB', 2_000_000_000_000],
  ]
  for (const [text, value] of read) assert.deepEqual(parseBytes(text), { ok: true, value }, text)
})

test('durations and sizes are written in the words that people use', () => {
  assert.deepEqual([0, 500, 10_000, 5_400_000, 90_061_001].map(formatDuration), [
    '0ms',
    '500ms',
    '10s',
    '1h30m',
    '1d1h1m1s1ms',
  ])
  assert.deepEqual([0, 1_000, 65_536, 1_073_741_824].map(formatBytes), [
    '0B',
    '1000B',
    '64KiB',
    '1GiB',
  ])
})

test('what could be misread is refused: no unit, wrong order, unknown unit, fractions of the smallest', () => {
  const durations = [
    '500',
    '1.5',
    '',
    ' 1s',
    '1s ',
    '30m1h',
    '1h1h',
    '1y',
    '-1s',
    '1,5s',
    '0.5ms',
    '1M',
  ]
  for (const text of durations) assert.equal(parseDuration(text).ok, false, JSON.stringify(text))
  const sizes = ['64', '', '64M', '64mb', '64 MiB', '-1B', '0.5B', '1e3B', '99999999TiB', 'MiB']
  for (const text of sizes) assert.equal(parseBytes(text).ok, false, JSON.stringify(text))
})

test('no text, however strange or long, does more than be refused', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      for (const parse of [parseDuration, parseBytes]) {
        const parsed = parse(text)
        if (parsed.ok) assert.ok(Number.isSafeInteger(parsed.value) && parsed.value >= 0)
        else assert.ok(parsed.why.length < 200)
      }
    }),
  )
  assert.equal(parseDuration('9'.repeat(1_000_000)).ok, false)
  assert.equal(parseBytes(`${'9'.repeat(1_000_000)}B`).ok, false)
})
