/** What befalls a mesh is what a correct mesh survives, and no two seeds have the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describeFault, type Fault } from '../../simulations/sim/fault.ts'
import { drawClimate } from '../../simulations/sim/schedule.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

const hosts = ['n1', 'n2', 'n3', 'n4', 'n5']
const CALM_MS = 20_000
const END_MS = 540_000
const climateOf = (seed: string) =>
  drawClimate(new SeededEntropy(seed), { hosts, calmMs: CALM_MS, endMs: END_MS })
const seeds = fc.integer({ min: 0, max: 1e9 }).map(String)

test('every fault begins after the calm and has ended when the storm ends', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      for (const { atMs, forMs } of climateOf(seed).faults) {
        assert.ok(atMs >= CALM_MS && forMs >= 0 && atMs + forMs <= END_MS)
      }
    }),
  )
})

test('no more than one host ever loses what it had synced', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const losers = climateOf(seed).faults.flatMap((fault) =>
        fault.kind === 'rot' || fault.kind === 'newDisk' ? [fault.host] : [],
      )
      assert.ok(new Set(losers).size <= 1)
    }),
  )
})

test('no two clocks drift apart further than leases allow for', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const { driftPpm } = climateOf(seed)
      assert.ok(Math.max(...driftPpm) - Math.min(...driftPpm) < 20_000)
    }),
  )
})

test('in a hundred seeds there is every kind of fault, and none has them all alone', () => {
  const all = new Map<Fault['kind'], number>()
  for (let seed = 0; seed < 100; seed++) {
    const kinds = new Set(climateOf(String(seed)).faults.map(({ kind }) => kind))
    for (const kind of kinds) all.set(kind, (all.get(kind) ?? 0) + 1)
  }
  assert.equal(all.size, 15)
  for (const [kind, count] of all) assert.ok(count > 10 && count < 100, `${kind} in ${count}`)
})

test('every fault can be told in a line', () => {
  const texts = climateOf('1').faults.map(describeFault)
  assert.ok(texts.every((text) => text.length > 4 && !text.includes('undefined')))
})
