import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { folded } from '../../models/folded.ts'
import { anyBatch } from './batches.ts'
import { unfolded } from './unfolded.ts'

const FEATURES = 5

test('rows are unfolded to the bits that they were, whatever they have in common', () => {
  fc.assert(
    fc.property(anyBatch(FEATURES), ({ rows }) => {
      const there = unfolded(folded(rows, FEATURES))
      assert.deepEqual(new Uint8Array(there.buffer), new Uint8Array(rows.buffer))
    }),
    { numRuns: 1_000 },
  )
})

test('the bits of what is no number stay too', () => {
  const bits = Int32Array.from({ length: 8 * FEATURES }, (_, i) => 0x7f800001 + (i % FEATURES))
  const there = unfolded(folded(new Float32Array(bits.buffer), FEATURES))
  assert.deepEqual(new Int32Array(there.buffer), bits)
})

test('what stages have in common is found, and what hosts have', () => {
  const rows = (stages: number, hosts: number, pair: (stage: number, host: number) => number) =>
    Float32Array.from(
      Array.from({ length: stages * hosts }, (_, row) => {
        const [stage, host] = [Math.floor(row / hosts), row % hosts]
        return [stage, host, pair(stage, host), 7, stage]
      }).flat(),
    )
  const found = folded(
    rows(8, 5, (stage, host) => stage * host),
    FEATURES,
  )
  assert.deepEqual(
    { ...found },
    {
      ...{ rows: 40, features: FEATURES, width: 5 },
      ...{ held: [0, 3, 4], cycled: [1], loose: [2] },
      ofBlocks: Float32Array.from(
        Array.from({ length: 8 }, (_, stage) => [stage, 7, stage]).flat(),
      ),
      ofPlaces: Float32Array.of(0, 1, 2, 3, 4),
      ofRows: Float32Array.from({ length: 40 }, (_, row) => Math.floor(row / 5) * (row % 5)),
    },
  )
})

const beyond: Readonly<Record<string, (stage: number, host: number) => number>> = {
  'a host is another one on the last stage': (stage, host) => (stage === 63 ? host + 1 : host),
  'a stage is another one on the last host': (stage, host) =>
    stage === 63 && host === 7 ? -1 : stage,
  'the last row alone is not as all others': (stage, host) => (stage === 63 && host === 7 ? 1 : 0),
}
for (const [name, ofBoth] of Object.entries(beyond)) {
  test(`what the first rows say of all is not believed where ${name}`, () => {
    const rows = Float32Array.from({ length: 64 * 8 * 4 * 3 }, (_, i) => {
      const row = Math.floor(i / 3)
      const [stage, host] = [Math.floor(row / 32), row % 32]
      return [stage, host, ofBoth(stage, host)][i % 3] as number
    })
    const found = folded(rows, 3)
    assert.deepEqual([found.width, found.held, found.cycled, found.loose], [32, [0], [1], [2]])
    assert.deepEqual(unfolded(found), rows)
  })
}

test('of many rows the first blocks may be of another length than all', () => {
  const rows = Float32Array.from({ length: 1_200 * 2 }, (_, i) => {
    const row = i >> 1
    return i % 2 === 0 ? Math.floor((row < 600 ? row : row + 4) / 8) : row % 3
  })
  const found = folded(rows, 2)
  assert.deepEqual(unfolded(found), rows)
})

test('of rows that have nothing in common, all is kept', () => {
  const rows = Float32Array.from({ length: 12 * FEATURES }, (_, i) => i)
  const { ofBlocks, ofPlaces, ofRows } = folded(rows, FEATURES)
  assert.deepEqual([ofBlocks.length, ofPlaces.length, ofRows.length], [0, 0, rows.length])
})
