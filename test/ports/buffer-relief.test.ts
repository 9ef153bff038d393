import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { BufferRelief, type Buffers } from '../../agent/ports/buffer-relief.ts'
import { bufferReliefLimits as limits } from '../../agent/ports/limits.ts'

/** Each byte that comes leaves four of garbage behind, until they are collected. */
class Gathered implements Buffers {
  kept = 0
  garbage = 0
  largest = 0
  collections = 0

  come(bytes: number): void {
    this.garbage += 4 * bytes
    this.largest = Math.max(this.largest, this.garbage)
  }

  heldBytes(): number {
    return this.kept + this.garbage
  }

  collect(): void {
    this.collections++
    this.garbage = 0
  }
}

test('garbage never gathers beyond a bound, whatever else is kept and however it comes', () => {
  fc.assert(
    fc.property(
      fc.nat(200 << 20),
      fc.array(fc.integer({ min: 1, max: 64 << 10 }), { minLength: 100, maxLength: 2_000 }),
      (kept, chunks) => {
        const buffers = new Gathered()
        buffers.kept = kept
        const relief = new BufferRelief(buffers)
        for (const bytes of chunks) {
          buffers.come(bytes)
          relief.received(bytes)
        }
        const mostBytes = limits.garbageBytesMax + 8 * (limits.lookBytes + (64 << 10))
        assert.ok(buffers.largest <= mostBytes, `${buffers.largest}`)
      },
    ),
  )
})

test('what is kept is not collected again and again', () => {
  const buffers = new Gathered()
  const relief = new BufferRelief(buffers)
  relief.received(limits.lookBytes)
  buffers.kept = 10 * limits.garbageBytesMax
  for (let i = 0; i < 100; i++) relief.received(limits.lookBytes)
  assert.equal(buffers.collections, 1)
})

test('little is not worth a look', () => {
  const buffers = new Gathered()
  const relief = new BufferRelief(buffers)
  relief.received(limits.lookBytes)
  buffers.garbage = 10 * limits.garbageBytesMax
  relief.received(limits.lookBytes - 1)
  assert.equal(buffers.collections, 0)
  relief.received(1)
  assert.equal(buffers.collections, 1)
})
