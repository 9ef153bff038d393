import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FoldedHead } from '../../agent/ports/inference/requests.ts'
import {
  foldedWhereLess,
  isFolded,
  packedSteps,
  unpacked,
  unpackedSteps,
} from '../../agent/ports/inference/tensors.ts'
import { folded } from '../../models/folded.ts'
import { anyBatch } from '../models/batches.ts'
import { unfolded } from '../models/unfolded.ts'

const FEATURES = 4
const BYTES_MAX = 1 << 16
const limitsOf = (foldedBytesMin: number) => ({ foldedBytesMin, foldedColumnsMax: FEATURES })

function whole(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]))
}

test('rows arrive as they were folded, beside tensors that were not', () => {
  fc.assert(
    fc.property(anyBatch(FEATURES), fc.bigInt64Array(), ({ rows }, integers) => {
      const step = { whole: { dims: [integers.length], data: integers }, rows: folded(rows, 4) }
      const { heads, body } = packedSteps([step, step])
      const arrived = unpackedSteps(heads, whole(body), rows.byteLength)
      assert.deepEqual(
        arrived?.map((sent) => ({ ...sent })),
        [step, step],
      )
    }),
  )
})

test('only rows of which more than half is left out are folded, and none that are small', () => {
  const alike = new Float32Array(64 * FEATURES).fill(1)
  const unlike = alike.map((_, i) => i)
  const of = (data: Float32Array, dims: readonly number[]) => ({ rows: { dims, data } })
  const isSentFolded = (tensors: ReturnType<typeof of>, bytesMin: number) => {
    const { rows } = foldedWhereLess(tensors, limitsOf(bytesMin))
    assert.ok(rows)
    return isFolded(rows)
  }
  const dims = [64, FEATURES]
  assert.equal(isSentFolded(of(alike, dims), alike.byteLength), true)
  assert.equal(isSentFolded(of(alike, dims), alike.byteLength + 1), false)
  assert.equal(isSentFolded(of(unlike, dims), 1), false)
  assert.equal(isSentFolded(of(alike, [64, 2, 2]), 1), false)
  assert.equal(isSentFolded(of(alike, [64 * FEATURES]), 1), false)
  assert.equal(isSentFolded(of(alike, [(64 * FEATURES) / 8, 8]), 1), false)
  assert.equal(isSentFolded(of(new Float32Array(0), [64, 0]), 0), false)
  assert.equal(isSentFolded(of(new Float32Array(0), [0, 4]), 0), false)
})

test('what is folded for the way is the same bits', () => {
  fc.assert(
    fc.property(anyBatch(FEATURES), ({ rows }) => {
      const tensor = { dims: [rows.length / 4, 4], data: rows }
      const sent = foldedWhereLess({ rows: tensor }, limitsOf(1)).rows
      assert.ok(sent)
      if (!isFolded(sent)) return
      const there = unfolded(sent)
      assert.deepEqual(new Uint8Array(there.buffer), new Uint8Array(rows.buffer))
    }),
  )
})

test('heads that say other than what is behind them are not believed', () => {
  const one = { name: 'a', type: 'float32' as const, dims: [2] }
  const body = new Uint8Array(8)
  assert.ok(unpacked([one], body))
  for (const heads of [
    [],
    [{ ...one, dims: [3] }],
    [{ ...one, dims: [1e9, 1e9] }],
    [one, one],
    [one, { ...one, name: 'b' }],
    [{ ...one, type: 'int64' as const }],
  ]) {
    assert.equal(unpackedSteps([heads], body, BYTES_MAX), undefined, JSON.stringify(heads))
    assert.equal(unpacked(heads, body), undefined, JSON.stringify(heads))
  }
})

test('rows that are not what their head says are not taken', () => {
  // Two blocks of two, of columns that are of blocks, places and rows.
  const head: FoldedHead = { name: 'a', type: 'folded', rows: 4, width: 2, columns: 'bpr' }
  const body = new Uint8Array(8 + 8 + 16)
  assert.ok(unpackedSteps([[head]], body, 48))
  assert.equal(unpackedSteps([[head]], body, 47), undefined)
  for (const changed of [
    { width: 0 },
    { width: -2 },
    { width: 3 },
    { width: 1 },
    { width: 0.5 },
    { rows: 0 },
    { rows: -4 },
    { rows: 1e300 },
    { columns: 'bp' },
    { columns: 'bprr' },
    { columns: 'bp?' },
    { columns: '' },
  ]) {
    const told = unpackedSteps([[{ ...head, ...changed }]], body, BYTES_MAX)
    assert.equal(told, undefined, JSON.stringify(changed))
  }
})
