/**
 * Numbers as whole ones, so that sums of them are exact in any order and masks, which are whole
 * numbers modulo 2^32, cancel out to the last bit.
 */
import { assert } from '../../../protocol/assert.ts'

/** Of an `Int32Array`, in which sums wrap around at this. */
const wholeBits = 31
/** A float of 32 bits knows no more. */
const fractionBitsMax = 24

/** How fine a grid may be if so many values of this size at most are to add up without wrapping. */
export function fractionBitsFor(count: number, bound: number): number {
  const bits = Math.min(fractionBitsMax, Math.floor(wholeBits - 1 - Math.log2(count * bound)))
  assert(bits > 0, 'values that are summed must be small enough', { count, bound })
  return bits
}

/** To the nearest point of the grid; what is beyond the bound, to the bound. */
export function onGrid(values: ArrayLike<number>, bits: number, bound: number): Int32Array {
  const scale = 2 ** bits
  return Int32Array.from(values, (value) => {
    assert(Number.isFinite(value), 'what is put on a grid must be a number')
    return Math.round(Math.min(bound, Math.max(-bound, value)) * scale)
  })
}

export function offGrid(values: Int32Array, bits: number): Float64Array {
  const step = 2 ** -bits
  return Float64Array.from(values, (value) => value * step)
}

/** Little-endian, as all machines are that we run on. */
export function bytesOf(values: Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/** A copy, since bytes from the wire may begin anywhere. */
export function wholeNumbersIn(bytes: Uint8Array): Int32Array {
  return new Int32Array(new Uint8Array(bytes).buffer)
}
