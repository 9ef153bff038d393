import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Forest, sumOf } from '../../models/forest.ts'
import { bytesOf } from '../../models/onnx/write.ts'
import { forestInput, forestOutput, modelOfForest } from '../../models/trees/export.ts'
import { enginePresent } from '../../simulations/bench/inference-present.ts'
import { anyForest } from './samples.ts'

const FEATURES = 3
const OUTPUTS = 2

/** By the runtime: for each row, each output. */
async function told(forest: Forest, rows: readonly Float32Array[]): Promise<number[][]> {
  const session = await enginePresent.open(bytesOf(modelOfForest(forest)))
  const data = Float32Array.from(rows.flatMap((row) => [...row]))
  const outputs = await session.run({ [forestInput]: { dims: [rows.length, FEATURES], data } })
  await session.close()
  const { data: all, dims } = outputs[forestOutput] ?? { data: [], dims: [] }
  assert.deepEqual(dims, [rows.length, OUTPUTS])
  return rows.map((_, i) => [...all.slice(i * OUTPUTS, (i + 1) * OUTPUTS)].map(Number))
}

test('the runtime adds up the same as we do, ties and what is no number included', async () => {
  const value = fc.oneof(
    fc.constantFrom(-1, -0.5, 0, 0.25, 0.5, 1, Number.NaN, Infinity, -Infinity),
    fc.float(),
  )
  const row = fc.float32Array({ minLength: FEATURES, maxLength: FEATURES })
  const tied = fc
    .array(value, { minLength: FEATURES, maxLength: FEATURES })
    .map((values) => new Float32Array(values))
  const rows = fc.array(fc.oneof(row, tied), { minLength: 1, maxLength: 8 })
  // The runtime has a way of its own for one row, for a few, and for many.
  const copies = fc.constantFrom(1, 30)
  await fc.assert(
    fc.asyncProperty(anyForest(FEATURES, OUTPUTS), rows, copies, async (forest, some, times) => {
      const asked = Array.from({ length: times }, () => some).flat()
      const theirs = await told(forest, asked)
      for (const [i, features] of asked.entries()) {
        const ours = sumOf(forest, features)
        for (const [k, sum] of ours.entries()) {
          const theirSum = theirs[i]?.[k] ?? Number.NaN
          // Numbers up to a hundred are added in another order.
          const size = Math.max(1, Math.abs(sum), 100 * forest.trees.length)
          assert.ok(Math.abs(theirSum - sum) <= 1e-5 * size, `${theirSum} is not ${sum}`)
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('a forest without a tree is its base', async () => {
  const forest = { features: FEATURES, base: Float32Array.of(1.5, -2), trees: [] }
  assert.deepEqual(await told(forest, [new Float32Array(FEATURES)]), [[1.5, -2]])
})

test('a tree of which a node has two parents, or itself, is not written', () => {
  const tree = {
    output: 0,
    feature: Int32Array.of(0, -1, -1),
    threshold: new Float32Array(3),
    left: Int32Array.of(0, 0, 0),
    right: Int32Array.of(1, 0, 0),
    value: new Float32Array(3),
  }
  const forest = { features: FEATURES, base: new Float32Array(OUTPUTS), trees: [tree] }
  assert.throws(() => modelOfForest(forest), /one parent/)
})
