import assert from 'node:assert/strict'
import test from 'node:test'
import { type Heap, HeapRest } from '../../agent/ports/heap-rest.ts'
import { heapRestLimits as limits } from '../../agent/ports/limits.ts'

const busy = limits.quietCpu * 2
const quiet = limits.quietCpu / 2

class CountedHeap implements Heap {
  collections = 0
  young: number
  constructor(young: number) {
    this.young = young
  }
  youngBytes(): number {
    return this.young
  }
  collect(): void {
    this.collections++
    this.young = 0
  }
}

function looked(heap: CountedHeap, shares: readonly (number | undefined)[]): number {
  const rest = new HeapRest(heap)
  for (const share of shares) rest.look(share)
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
    for (const share of [busy, ...quietSpell]) rest.look(share)
    assert.equal(heap.collections, spell)
  }
})

test('a busy agent is never made to rest, nor one of which nothing is known', () => {
  const large = limits.youngBytesMax * 8
  assert.equal(looked(new CountedHeap(large), Array(50).fill(busy)), 0)
  assert.equal(looked(new CountedHeap(large), Array(50).fill(undefined)), 0)
})

test('a small young generation is left as it is', () => {
  assert.equal(looked(new CountedHeap(limits.youngBytesMax), [busy, ...quietSpell]), 0)
})
