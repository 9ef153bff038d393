/**
 * Masks: long strings of numbers that come of a short key and that nobody without it can tell from
 * chance (AES-256 in counter mode). Each key is used for one string.
 */
import { createCipheriv } from 'node:crypto'
import { wholeNumbersIn } from './fixed-point.ts'

const startOfCounter = new Uint8Array(16)

export function streamBytes(key: Uint8Array, length: number): Uint8Array {
  return createCipheriv('aes-256-ctr', key, startOfCounter).update(new Uint8Array(length))
}

/** Modulo 2^32, as `Int32Array` does by itself. */
export function addMask(values: Int32Array, key: Uint8Array, sign: 1 | -1): void {
  const mask = wholeNumbersIn(streamBytes(key, values.byteLength))
  for (let i = 0; i < values.length; i++) {
    values[i] = ((values[i] as number) + sign * (mask[i] as number)) | 0
  }
}

export function addTo(sum: Int32Array, values: Int32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = ((sum[i] as number) + (values[i] as number)) | 0
}
