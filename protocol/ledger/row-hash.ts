/**
 * A fingerprint of one row, 128 bits, in a quarter of the time that SHA-256 takes for so few bytes:
 * nearly all of that goes into calling it. The mixing is that of MurmurHash3 (x86, 128 bits). Like
 * it, it scatters whatever differs by accident, and withstands nobody who looks for collisions.
 */
import { assert } from '../assert.ts'
import { type Octets, putOctets } from './octets.ts'

assert(
  new Uint8Array(Int32Array.of(1).buffer)[0] === 1,
  'rows are hashed four bytes at a time, the lowest first',
)

/** Four numbers of 32 bits, those of the row that was hashed last. */
export const rowHash = { a: 0, b: 0, c: 0, d: 0 }

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

const BLOCK_BYTES = 16

/** Most rows fit; for a larger one there is a larger scratch, for that time. */
const scratchBytes = 64 * 1024
const scratch = scratchOf(scratchBytes)

function scratchOf(bytes: number): { bytes: Uint8Array; words: Int32Array } {
  const buffer = new ArrayBuffer(Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES)
  return { bytes: new Uint8Array(buffer), words: new Int32Array(buffer) }
}

/** Into `rowHash`. A key holds no zero byte, so no other key and row run together to the same. */
export function hashRow(key: string, row: Octets): void {
  const length = key.length + 1 + row.length
  const { bytes, words } = length <= scratchBytes ? scratch : scratchOf(length)
  let at = putOctets(bytes, 0, key)
  bytes[at++] = 0
  at = putOctets(bytes, at, row)
  while (at % BLOCK_BYTES !== 0) bytes[at++] = 0
  mix(words, at / 4, length)
}

function mix(words: Int32Array, count: number, length: number): void {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  for (let i = 0; i < count; i += 4) {
    a ^= scrambled(words[i] as number, C1, 15, C2)
    a = (Math.imul((rotated(a, 19) + b) | 0, 5) + 0x561ccd1b) | 0
    b ^= scrambled(words[i + 1] as number, C2, 16, C3)
    b = (Math.imul((rotated(b, 17) + c) | 0, 5) + 0x0bcaa747) | 0
    c ^= scrambled(words[i + 2] as number, C3, 17, C4)
    c = (Math.imul((rotated(c, 15) + d) | 0, 5) + 0x96cd1c35) | 0
    d ^= scrambled(words[i + 3] as number, C4, 18, C1)
    d = (Math.imul((rotated(d, 13) + a) | 0, 5) + 0x32ac3b17) | 0
  }
  a ^= length
  b ^= length
  c ^= length
  d ^= length
  a = (a + b + c + d) | 0
  b = finished((b + a) | 0)
  c = finished((c + a) | 0)
  d = finished((d + a) | 0)
  a = finished(a)
  a = (a + b + c + d) | 0
  rowHash.a = a
  rowHash.b = (b + a) | 0
  rowHash.c = (c + a) | 0
  rowHash.d = (d + a) | 0
}

function rotated(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by))
}

function scrambled(word: number, first: number, by: number, second: number): number {
  return Math.imul(rotated(Math.imul(word, first), by), second)
}

/** Lets every bit reach every other. */
function finished(word: number): number {
  word ^= word >>> 16
  word = Math.imul(word, 0x85ebca6b)
  word ^= word >>> 13
  word = Math.imul(word, 0xc2b2ae35)
  return word ^ (word >>> 16)
}
