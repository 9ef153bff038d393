/** Trees that hosts grow together: sums are exact, what cannot be is seen, and what is no good is pruned. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Examples } from '../../models/federation/rounds/trainable.ts'
import { CountingHost, type Drawing } from '../../models/federation/trees/counting.ts'
import { type Cuts, describedCuts, steppedOf } from '../../models/federation/trees/cuts.ts'
import { gainOf, isGain, strayOf, worthToOthers } from '../../models/federation/trees/deciding.ts'
import { forestOf } from '../../models/federation/trees/forest.ts'
import { Growing } from '../../models/federation/trees/growing.ts'
import { treesLimits } from '../../models/federation/trees/limits.ts'
import { packed, unpacked } from '../../models/federation/trees/packing.ts'
import { type Asked, leafCounts, offCounts } from '../../models/federation/trees/questions.ts'
import { settled } from '../../models/federation/trees/settling.ts'
import type { GrownTree } from '../../models/federation/trees/structure.ts'
import { sumOf } from '../../models/forest.ts'
import { pinball } from '../../models/measures/duration.ts'
import { checkModel } from '../../models/onnx/check.ts'
import { bytesOf } from '../../models/onnx/write.ts'
import { levels } from '../../models/rows.ts'
import { expectedOfForest, modelOfForest } from '../../models/trees/export.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

const cuts: Cuts = [Float32Array.of(-0.5, 0.5), Float32Array.of(0, 1, 2, 3), Float32Array.of(0.5)]
const features = [0, 1, 2]
const start = [1, 2, 3]
/** All rows of a host, so that hosts together count the same as one that has them all. */
const allRows: Drawing = (_, rows) => Array.from({ length: rows }, (_, row) => row)

/** Rows of three features, on edges of cuts too, with what follows from them and some chance. */
const anyRow = fc
  .record({
    name: fc.constantFrom(-1, -0.5, 0, 0.5, 1),
    size: fc.oneof(fc.constantFrom(0, 1, 2, 3), fc.float({ min: -1, max: 5, noNaN: true })),
    flag: fc.constantFrom(0, 1),
    stray: fc.double({ min: -0.5, max: 0.5, noNaN: true }),
  })
  .map(({ name, size, flag, stray }) => ({
    features: [name, size, flag],
    target: 1 + 2 * name + size + stray,
  }))
type AnyRow = { features: readonly number[]; target: number }
const anyRows = fc.array(anyRow, { minLength: 120, maxLength: 240 })

function examples(rows: readonly AnyRow[]): Examples {
  return {
    features: Float32Array.from(rows.flatMap((row) => row.features)),
    targets: Float32Array.from(rows, ({ target }) => target),
  }
}

function hostOf(learned: readonly AnyRow[], held: readonly AnyRow[] = learned): CountingHost {
  const rowsMax = treesLimits.rowsMax
  return new CountingHost(examples(learned), examples(held), {
    cuts,
    start,
    drawing: allRows,
    rowsMax,
  })
}

function added(all: readonly Int32Array[]): Int32Array {
  const [first] = all as [Int32Array]
  return first.map((_, i) => all.reduce((sum, one) => sum + (one[i] as number), 0))
}

function growing(groups: readonly number[], depth = 3): Growing {
  const plan = { bag: 1, features: [features, features], depth, spread: 1, rate: 0.5, groups }
  return new Growing(plan, cuts)
}

function grown(sumsOf: (asked: Asked) => readonly Int32Array[], hosts = 5): readonly GrownTree[] {
  const leader = growing([hosts])
  for (let asked = leader.asked(); asked; asked = leader.asked()) leader.take(sumsOf(asked))
  return leader.settled(leader.groups)
}

test('counts under masks add up to the last one', () => {
  const counts = fc.array(fc.nat(treesLimits.rowsMax), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 64 }), (some, hosts) => {
      const one = Int32Array.from(some)
      const sum = new Int32Array(packed(one).length)
      for (let host = 0; host < hosts; host++) {
        for (const [i, number] of packed(one).entries()) sum[i] = ((sum[i] as number) + number) | 0
      }
      assert.deepEqual(
        unpacked(sum, some.length),
        one.map((count) => hosts * count),
      )
      assert.equal(sum.at(-1), hosts)
    }),
  )
})

test('hosts grow together what one of all their rows would grow, to the last bit, also beside hosts without rows', () => {
  fc.assert(
    fc.property(anyRows, fc.array(fc.nat(4), { minLength: 240, maxLength: 240 }), (rows, whose) => {
      const hosts = Array.from({ length: 5 }, (_, host) =>
        // The last has none.
        hostOf(rows.filter((_, i) => (whose[i] as number) % 4 === host)),
      )
      const one = hostOf(rows)
      const together = grown((asked) => [added(hosts.map((host) => host.counts(asked)))])
      assert.deepEqual(
        together,
        grown((asked) => [one.counts(asked)]),
      )
    }),
    { numRuns: 25 },
  )
})

test('a row that holds what is no number is nowhere', () => {
  const broken: AnyRow[] = [
    { features: [Number.NaN, 0, 0], target: 1 },
    { features: [0, Number.POSITIVE_INFINITY, 0], target: 1 },
    { features: [0, 0, 0], target: Number.NaN },
  ]
  const good = { features: [0, 1, 0], target: 2 }
  assert.equal(steppedOf(examples([...broken, good]), cuts).rows, 1)
  const asked = growing([3]).asked() as Asked
  assert.deepEqual(hostOf([...broken, good]).counts(asked), hostOf([good]).counts(asked))
})

test('a forest says as a model what hosts say of it by steps, and is one that may be run', () => {
  fc.assert(
    fc.property(anyRows, (rows) => {
      const host = hostOf(rows)
      const trees = grown((asked) => [host.counts(asked)])
      const forest = forestOf(trees, cuts, start)
      const losses = rows.flatMap(({ features: of, target }) => {
        const told = sumOf(forest, Float32Array.from(of))
        return levels.map((level, k) => pinball(level, told[k] as number, Math.fround(target)))
      })
      const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length
      assert.ok(Math.abs(host.loss(trees) - mean) < 1e-9)
      const model = bytesOf(modelOfForest(forest))
      assert.notEqual(checkModel(model, expectedOfForest(cuts.length, 3)).kind, 'refused')
    }),
    { numRuns: 20 },
  )
})

test('together they know more than before: what follows from features is found', () => {
  const rows = fc.sample(anyRows, { numRuns: 3, seed: 1 }).flat()
  const host = hostOf(rows)
  const before = host.loss([])
  for (let bag = 0; bag < 8; bag++) host.take(grown((asked) => [host.counts(asked)]))
  assert.ok(host.loss([]) < before / 2, `${host.loss([])} of ${before}`)
  host.beginAnew()
  assert.equal(host.loss([]), before)
})

test('what rows count is possible, and what no rows could give puts its group out', () => {
  const rows = fc.sample(anyRows, { numRuns: 2, seed: 2 }).flat()
  const host = hostOf(rows)
  const lies: ((counts: Int32Array) => Int32Array)[] = [
    (counts) => counts.map((count) => -count),
    (counts) => counts.map((count) => 20 * count),
    (counts) => counts.map((count, i) => (i % 7 === 3 ? count + 1 : count)),
    (counts) => counts.with(1, (counts[0] as number) + 1),
    (counts) => counts.with(0, -1),
  ]
  for (const lie of lies) {
    for (const from of [0, 1, 3]) {
      const leader = growing([1, 1])
      for (let at = 0, asked = leader.asked(); asked; asked = leader.asked(), at++) {
        const honest = host.counts(asked)
        leader.take([honest, at >= from ? lie(honest) : honest])
      }
      assert.deepEqual(leader.groups, [0], `${lie} from ${from}`)
      assert.ok(leader.settled([0]).length > 0)
    }
  }
})

test('where a group is out or none is left, the others go on or it ends', () => {
  const host = hostOf(fc.sample(anyRow, { numRuns: 200, seed: 3 }))
  const leader = growing([3, 3])
  for (let asked = leader.asked(); asked; asked = leader.asked()) {
    leader.take([undefined, host.counts(asked)])
  }
  assert.deepEqual(leader.groups, [1])
  const alone = growing([3])
  alone.take([undefined])
  assert.equal(alone.asked(), undefined)
  assert.deepEqual(alone.groups, [])
})

test('a cut that does not hold for rows held back is taken back, and a tree that is no good goes', () => {
  const { offSteps } = treesLimits
  /** So many rows far above or below what is said, to learn from and held back. */
  const leaf = (learned: number, held: number) => {
    const sums = new Int32Array(leafCounts)
    for (const k of levels.keys()) {
      sums[k * offSteps + learned] = 100
      sums[offCounts + k * offSteps + held] = 50
    }
    return sums
  }
  const branches = new Map([
    [0, { feature: 0, step: 0 }],
    [2, { feature: 1, step: 1 }],
  ])
  const how = { spread: 1, share: 1 }
  const [low, high] = [3, offSteps - 4]
  const right = settled(
    branches,
    new Map([
      [1, leaf(low, low)],
      [5, leaf(high, high)],
      [6, leaf(low, low)],
    ]),
    how,
  )
  assert.deepEqual([...(right?.branches.keys() ?? [])], [0, 2])
  const half = settled(
    branches,
    new Map([
      [1, leaf(low, low)],
      [5, leaf(high, low)],
      [6, leaf(low, high)],
    ]),
    how,
  )
  assert.deepEqual([...(half?.branches.keys() ?? [])], [0])
  const none = settled(
    branches,
    new Map([
      [1, leaf(low, high)],
      [5, leaf(low, high)],
      [6, leaf(low, high)],
    ]),
    how,
  )
  assert.equal(none, undefined)
})

test('who praises what harms others does not bring it in, and no word is without bounds', () => {
  const votes = (...losses: number[]) =>
    new Map(losses.map((loss, i) => [`host ${i}` as PeerId, loss]))
  const before = votes(1, 1, 1, 1, 1, 1, 1)
  assert.ok(gainOf(before, votes(0.9, 0.9, 0.95, 0.95, 0.9, 0.9, 0.9), 2) > 0)
  assert.ok(gainOf(before, votes(1.2, 1.1, 0.98, 1, 1, 0.01, 0.01), 2) < 0)
  assert.ok(gainOf(before, votes(0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 1e9), 2) > 0)
  assert.ok(gainOf(before, votes(0.9, 0.9, 0.9, Number.NaN, 0.9, 0.9, 0.9), 2) > 0)
  assert.equal(gainOf(before, before, 2), 0)
  const own = votes(0.5, 0.5, 0.5, 1.1, 1.1, 1.2, 0.01)
  const group = ['host 0', 'host 1', 'host 2'] as PeerId[]
  assert.ok((worthToOthers(group, before, own) as number) < 0)
  assert.equal(worthToOthers([...before.keys()], before, own), undefined)
})

test('what hosts gain by chance alone is hardly ever taken for a gain, and what all gain is', () => {
  const chance = new SeededEntropy('votes')
  /** How often, where each gains that on average and strays by 1% for its few rows. */
  const kept = (hosts: number, liarsMax: number, gain: number) => {
    const draws = 2_000
    let kept = 0
    for (let i = 0; i < draws; i++) {
      const said = (lot: () => number) =>
        new Map(Array.from({ length: hosts }, (_, at) => [`host ${at}` as PeerId, lot()]))
      const before = said(() => 1)
      const after = said(() => Math.exp(-gain - 0.01 * normal(chance)))
      kept += Number(isGain(before, after, liarsMax))
    }
    return kept / draws
  }
  for (const [hosts, liarsMax] of [
    [3, 0],
    [4, 1],
    [5, 2],
    [7, 2],
  ] as const) {
    const of = `${hosts} hosts`
    assert.ok(kept(hosts, liarsMax, 0) < 0.22, of)
    assert.ok(kept(hosts, liarsMax, -0.01) < 0.03, of)
    assert.ok(kept(hosts, liarsMax, 0.02) > 0.88, of)
    assert.ok(kept(hosts, liarsMax, 0.03) > 0.97, of)
  }
})

/** As twelve draws of even chance come near it. */
function normal(chance: Entropy): number {
  return Array.from({ length: 12 }, () => chance.unit()).reduce((sum, lot) => sum + lot, -6)
}

test('how far hosts are from each other is nothing that a few of them can say', () => {
  const votes = (...losses: number[]) =>
    new Map(losses.map((loss, i) => [`host ${i}` as PeerId, loss]))
  const before = votes(1, 1, 1, 1, 1, 1, 1)
  // The same in the mean: once all say so, and once one does whose rows are of another kind.
  assert.ok(isGain(votes(1, 1, 1), votes(0.98, 0.979, 0.981), 0))
  assert.ok(!isGain(votes(1, 1, 1), votes(0.9, 0.99, 1.05), 0))
  const honest = [0.98, 0.979, 0.981, 0.982, 0.98]
  assert.ok(isGain(before, votes(...honest, 1e9, 1e-9), 2))
  assert.ok(isGain(before, votes(...honest, 1e9, 1e9), 2))
  const none = [1, 1.001, 0.999, 1.002, 1]
  assert.ok(!isGain(before, votes(...none, 1e-9, 1e-9), 2))
  assert.equal(strayOf(votes(1), votes(0.5)), 0)
})

test('where features may be cut says nothing of anybody’s rows, and covers all features', () => {
  assert.ok(describedCuts.every((of) => of.length > 0 && of.every(Number.isFinite)))
  for (const of of describedCuts) assert.deepEqual(of.toSorted(), of)
})
