/** Versions of trees as bytes: what comes back, and what is taken from nobody. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describedCuts as cuts, describedStart } from '../../models/federation/trees/cuts.ts'
import { forestOf } from '../../models/federation/trees/forest.ts'
import { treesLimits } from '../../models/federation/trees/limits.ts'
import type { Branch, GrownTree } from '../../models/federation/trees/structure.ts'
import type { Forest } from '../../models/forest.ts'
import { bytesOf } from '../../models/onnx/write.ts'
import { packedForest, unpackedForest, wrongTrees } from '../../models/registry/forest-blob.ts'
import { learnedIn } from '../../models/registry/learned.ts'
import { registryLimits } from '../../models/registry/limits.ts'
import { hashOf } from '../../models/registry/sound.ts'
import { modelOfForest } from '../../models/trees/export.ts'
import { below } from '../../protocol/ports/entropy.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

function grown(seed: number, trees: number, depth: number = treesLimits.depthMax): GrownTree[] {
  const chance = new SeededEntropy(seed)
  return Array.from({ length: trees }, () => {
    const branches = new Map<number, Branch>()
    const leaves = new Map<number, [number, number, number]>()
    const grow = (node: number, left: number): void => {
      const feature = below(chance, cuts.length)
      const { length } = cuts[feature] as Float32Array
      if (left === 0 || chance.unit() < 0.2) {
        const move = () => Math.fround(chance.unit() - 0.5)
        leaves.set(node, [move(), move(), move()])
        return
      }
      branches.set(node, { feature, step: below(chance, length) })
      grow(2 * node + 1, left - 1)
      grow(2 * node + 2, left - 1)
    }
    grow(0, depth)
    return { branches, leaves }
  })
}

const whyRefused = (bytes: Uint8Array): string | undefined => {
  const read = learnedIn(bytes, hashOf(bytes))
  return read.ok ? undefined : read.why
}

test('what was packed comes back to the bit, and has one name', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 12 }), (seed, count) => {
      const trees = grown(seed, count)
      const bytes = packedForest(trees)
      const read = learnedIn(bytes, hashOf(bytes))
      assert.ok(read.ok && read.learned.family === 'trees')
      const told = read.learned.trees
      assert.deepEqual(
        told.map(({ branches }) => new Map([...branches].sort())),
        trees.map(({ branches }) => new Map([...branches].sort())),
      )
      assert.deepEqual(
        told.map(({ leaves }) => new Map([...leaves].sort())),
        trees.map(({ leaves }) => new Map([...leaves].sort())),
      )
      assert.deepEqual(packedForest(told), bytes)
    }),
    { numRuns: 30 },
  )
})

test('the largest forest fits its bound, and a larger one is none', () => {
  const trees: GrownTree[] = []
  const whole = () => grown(trees.length, 60).filter(({ branches }) => branches.size > 8)
  for (const tree of whole()) {
    if (wrongTrees([...trees, tree]) !== undefined) break
    trees.push(tree)
  }
  const bytes = packedForest(trees)
  assert.ok(bytes.length < registryLimits.forestBytesMax, String(bytes.length))
  assert.equal(whyRefused(bytes), undefined)
  const many = [...trees, ...whole()]
  assert.match(wrongTrees(many) ?? '', /nodes; a forest has/)
  assert.match(
    whyRefused(bytesOf(modelOfForest(forestOf(many, cuts, describedStart)))) ?? '',
    /at most/,
  )
})

const trees = grown(1, 4, 3)
const forest = forestOf(trees, cuts, describedStart)
const changed = (change: (forest: Forest) => Forest) => bytesOf(modelOfForest(change(forest)))
const first = forest.trees[0]!
const withFirst = (change: Partial<typeof first>) => (all: Forest) => ({
  ...all,
  trees: [{ ...first, ...change }, ...all.trees.slice(1)],
})

const refused: readonly (readonly [string, Uint8Array, RegExp])[] = [
  [
    'a cut where there is none',
    changed(withFirst({ threshold: first.threshold.map((at) => at + 0.01) })),
    /not cut as/,
  ],
  [
    'an answer that is none',
    changed(withFirst({ value: first.value.map(() => 1e6) })),
    /not whole/,
  ],
  [
    'a number that is none',
    changed(withFirst({ value: first.value.map(() => Number.NaN) })),
    /not finite/,
  ],
  [
    'a tree for one quantile alone',
    changed((all) => ({ ...all, trees: all.trees.slice(0, -1) })),
    /not cut as/,
  ],
  ['trees in another order', changed((all) => ({ ...all, trees: all.trees.toReversed() })), /./],
  [
    'another base',
    changed((all) => ({ ...all, base: all.base.map((at) => at + 1) })),
    /graph is not/,
  ],
  ['more features', changed((all) => ({ ...all, features: all.features + 1 })), /input/],
  ['another output', changed((all) => ({ ...all, base: Float32Array.of(1, 2, 3, 4) })), /output/],
  ['half of one', packedForest(trees).subarray(0, 900), /./],
  [
    'too many bytes',
    new Uint8Array([...packedForest(trees), ...new Uint8Array(registryLimits.forestBytesMax)]),
    /bytes; a forest has/,
  ],
]

for (const [what, bytes, why] of refused) {
  test(`refused is ${what}`, () => {
    assert.match(whyRefused(bytes) ?? 'taken', why)
  })
}

test('what has another hash than was asked for is refused, and so is any changed byte', () => {
  const bytes = packedForest(trees)
  const read = unpackedForest(bytes, hashOf(packedForest([])))
  assert.ok(!read.ok)
  assert.match(read.why, /bytes are those of/)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const other = bytes.slice()
      other[at] = (other[at] as number) ^ by
      const taken = learnedIn(other, hashOf(other))
      // Other numbers may make another version; nothing else of it is taken.
      if (!taken.ok || taken.learned.family !== 'trees') return
      assert.deepEqual(packedForest(taken.learned.trees), other)
    }),
    { numRuns: 200 },
  )
})
