/** Bytes that share memory are as good as those that do not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encode, encodeBehindBriefly, encodeBriefly } from '../../protocol/wire/codec.ts'
import { scratchKeptBytesMax, slabBytes, slabShareMax } from '../../protocol/wire/limits.ts'
import { bytes, field, message } from '../../protocol/wire/schema.ts'
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

const Piece = message('Piece', { of: field(1, bytes(2 * scratchKeptBytesMax)) })

test('what has outgrown the shared memory is not written over by what comes later, nor is what came before', () => {
  // About where a slab ends, beyond it, and beyond what is kept for the next that is as long.
  const lengths = [0, 40, slabShareMax - 8, slabShareMax + 8, slabBytes - 20, 3 * slabBytes]
  const all = [...lengths, scratchKeptBytesMax - 64, scratchKeptBytesMax + 64]
  const sizes = fc.array(fc.constantFrom(...all), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(sizes, (drawn) => {
      const pieces = drawn.map((length, i) => ({ of: new Uint8Array(length).fill(i + 1) }))
      const written = pieces.map((piece) => encodeBehindBriefly(3, Piece, piece))
      for (const [i, piece] of pieces.entries()) {
        assert.ok(Buffer.from(encode(Piece, piece)).equals((written[i] as Uint8Array).subarray(3)))
      }
    }),
    { numRuns: 60 },
  )
})
