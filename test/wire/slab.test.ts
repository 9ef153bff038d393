/** Bytes that share memory are as good as those that do not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encode, encodeBriefly } from '../../protocol/wire/codec.ts'
import { slabShareMax } from '../../protocol/wire/limits.ts'
import { brieflyCopy } from '../../protocol/wire/slab.ts'
import { anyFrame, Frame } from './samples.ts'

test('a message encoded briefly has the same bytes', () => {
  fc.assert(
    fc.property(anyFrame, (frame) => {
      assert.deepEqual(encodeBriefly(Frame, frame), encode(Frame, frame))
    }),
  )
})

test('nothing that is written later changes what is there, whatever the sizes', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: slabShareMax + 8 }), { maxLength: 80 })
  fc.assert(
    fc.property(sizes, (lengths) => {
      const filled = (length: number, i: number) => new Uint8Array(length).fill(i)
      const copies = lengths.map((length, i) => brieflyCopy(filled(length, i)))
      const later = copies.map((bytes) => brieflyCopy(bytes))
      for (const bytes of later) bytes.fill(255)
      for (const [i, copy] of copies.entries()) {
        assert.deepEqual(copy, filled(lengths[i] as number, i))
      }
    }),
  )
})
