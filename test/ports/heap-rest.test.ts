import assert from 'node:assert/strict'
import test from 'node:test'
import { type Heap, HeapRest } from '../../agent/ports/heap-rest.ts'
import { heapRestLimits as limits } from '../../agent/ports/limits.ts'

const busy = limits.quietCpu * 2
const quiet = limits.quietCpu / 2

class CountedHeap implements Heap {
  collections = 0
  sweeps = 0
  held = 0
  growthPercent = 0
  young: number
  constructor(young: number) {
    this.young = young
  }
  youngBytes(): number {
    return this.young
  }
  heldBytes(): number {
    return this.held
  }
  collect(): void {
    this.collections++
    this.young = 0
  }
  sweep(): void {
    this.sweeps++
  }
  mayGrowBy(percent: number): void {
    this.growthPercent = percent
  }
}

function looked(heap: CountedHeap, shares: readonly (number | undefined)[]): number {
  const rest = new HeapRest(heap)
  for (const share of shares) rest.look(share, 0, false)
  return heap.collections
}

const quietSpell = Array<number>(limits.quietSamples * 4).fill(quiet)

test('a quiet agent gives back once what a busy spell has made grow', () => {
  const heap = new CountedHeap(limits.youngBytesMax * 8)
  assert.equal(looked(heap, [busy, ...quietSpell]), 1)
})

test('each busy spell is followed by one rest', () => {
  const heap = new CountedHeap(limits.youngBytesMax * 8)
  const rest = new HeapRest(heap)
  for (let spell = 1; spell <= 3; spell++) {
    heap.young = limits.youngBytesMax * 8
    for (const share of [busy, ...quietSpell]) rest.look(share, 0, false)
    assert.equal(heap.collections, spell)
  }
})

test('a busy agent is never made to rest, nor one of which nothing is known', () => {
  const large = limits.youngBytesMax * 8
  assert.equal(looked(new CountedHeap(large), Array(50).fill(busy)), 0)
  assert.equal(looked(new CountedHeap(large), Array(50).fill(undefined)), 0)
})

test('an agent that watches over attempts is left as it is, however quiet, until they have ended', () => {
  const heap = new CountedHeap(limits.youngBytesMax * 8)
  const rest = new HeapRest(heap)
  rest.look(busy, 0, true)
  for (const share of quietSpell) rest.look(share, 0, true)
  heap.held = limits.grownBytesMax * 2
  for (let i = 0; i <= limits.sweepSamplesMin; i++) rest.look(quiet, 0, true)
  assert.deepEqual([heap.collections, heap.sweeps], [0, 0])
  for (let i = 1; i < limits.quietSamples; i++) rest.look(quiet, 0, false)
  assert.equal(heap.collections, 0, 'they have only just ended')
  rest.look(quiet, 0, false)
  assert.equal(heap.collections, 1)
})

test('a small young generation is left as it is', () => {
  assert.equal(looked(new CountedHeap(limits.youngBytesMax), [busy, ...quietSpell]), 0)
})

test('a heap may grow further while entries are applied by the thousand, and only so long', () => {
  const heap = new CountedHeap(0)
  const rest = new HeapRest(heap)
  const growths = [0, 1, limits.busyEntries, limits.busyEntries * 5, 0, limits.busyEntries - 1]
  let applied = 0
  const seen = growths.map((entries) => {
    applied += entries
    rest.look(busy, applied, false)
    return heap.growthPercent
  })
  const { growthPercent, busyGrowthPercent } = limits
  assert.deepEqual(seen, [
    growthPercent,
    growthPercent,
    busyGrowthPercent,
    busyGrowthPercent,
    growthPercent,
    growthPercent,
  ])
})

test('a heap may grow further while attempts run, and furthest while entries come as well', () => {
  const heap = new CountedHeap(0)
  const rest = new HeapRest(heap)
  const { growthPercent, workGrowthPercent, busyGrowthPercent } = limits
  const growing = (applied: number, isAtWork: boolean): number => {
    rest.look(quiet, applied, isAtWork)
    return heap.growthPercent
  }
  assert.equal(growing(0, true), workGrowthPercent)
  assert.equal(growing(limits.busyEntries, true), busyGrowthPercent)
  assert.equal(growing(limits.busyEntries, true), workGrowthPercent)
  assert.equal(growing(limits.busyEntries, false), growthPercent)
})

test('a ledger that begins anew at a lower entry is no busy one', () => {
  const heap = new CountedHeap(0)
  const rest = new HeapRest(heap)
  rest.look(busy, limits.busyEntries * 9, false)
  rest.look(busy, 1, false)
  assert.equal(heap.growthPercent, limits.growthPercent)
})

function rests(heap: CountedHeap, rest: HeapRest, samples: number, share = quiet): void {
  for (let i = 0; i < samples; i++) {
    heap.held++
    rest.look(share, 0, false)
  }
}

test('a quiet heap that has grown is swept, and again only when it has grown further', () => {
  const heap = new CountedHeap(0)
  const rest = new HeapRest(heap)
  rests(heap, rest, limits.sweepSamplesMin * 2)
  assert.equal(heap.sweeps, 0, 'little has grown')
  for (let sweeps = 1; sweeps <= 3; sweeps++) {
    heap.held += limits.grownBytesMax
    rests(heap, rest, limits.sweepSamplesMin * 3)
    // What a sweep leaves is alive: it is not swept for again.
    assert.equal(heap.sweeps, sweeps)
  }
})

test('a heap that grows all the time is not swept all the time', () => {
  const heap = new CountedHeap(0)
  const rest = new HeapRest(heap)
  const spells = 5
  for (let i = 0; i < spells * limits.sweepSamplesMin; i++) {
    heap.held += limits.grownBytesMax * 2
    rest.look(quiet, 0, false)
  }
  assert.equal(heap.sweeps, spells)
})

test('a busy heap is never swept', () => {
  const heap = new CountedHeap(0)
  const rest = new HeapRest(heap)
  rests(heap, rest, limits.sweepSamplesMin)
  heap.held += limits.grownBytesMax * 9
  rests(heap, rest, limits.sweepSamplesMin * 3, busy)
  assert.equal(heap.sweeps, 0)
})
