/**
 * Bytes as an immutable string, one character (0 to 255) a byte. State is made of these and not of
 * `Uint8Array`: nobody who was handed one can change the state through it, a million of them cost
 * the collector little, and the engine compares, hashes and copies them fast.
 */
import { Buffer } from 'node:buffer'
import { assert } from '../assert.ts'
import { decode, encode } from '../wire/codec.ts'
import type { Schema } from '../wire/schema.ts'

declare const octetsBrand: unique symbol
export type Octets = string & { readonly [octetsBrand]: true }

export const noOctets = '' as Octets

export function toOctets(bytes: Uint8Array, start = 0, end = bytes.length): Octets {
  return latin1Slice.call(bytes as Buffer, start, end) as Octets
}

/** A fresh copy, the caller's to keep and to change. */
export function fromOctets(octets: Octets): Uint8Array {
  const bytes = new Uint8Array(octets.length)
  putOctets(bytes, 0, octets)
  return bytes
}

/** Returns the position after what it wrote. */
export function putOctets(into: Uint8Array, at: number, octets: string): number {
  assert(at + octets.length <= into.length, 'octets must fit where they are put')
  latin1Write.call(into as Buffer, octets, at, octets.length)
  return at + octets.length
}

const ascii = /^[\0-\x7f]*$/

/** Of a text its UTF-8. Most are ASCII, and are their own. */
export function octetsOfText(text: string): Octets {
  return ascii.test(text) ? (text as Octets) : toOctets(Buffer.from(text))
}

/** Of octets that came from a text. */
export function textOfOctets(octets: Octets): string {
  return ascii.test(octets) ? octets : Buffer.from(octets, 'latin1').toString()
}

/** A row of the state. The same value gives the same octets on every replica. */
export function encodeRow<T>(schema: Schema<T>, value: NoInfer<T>): Octets {
  return toOctets(encode(schema, value))
}

/** Rows come from `encodeRow`, or from a snapshot whose digest was verified: a bad one is a bug. */
export function decodeRow<T>(schema: Schema<T>, row: Octets): T {
  const read = decode(schema, fromOctets(row))
  assert(read.ok, 'a row must hold what its table holds', { schema: schema.name })
  return read.value
}

/** Native, and content with any `Uint8Array`; through `toString` each call would make a Buffer. */
interface Latin1 {
  latin1Slice(this: Uint8Array, start: number, end: number): string
  latin1Write(this: Uint8Array, text: string, at: number, length: number): number
}
const { latin1Slice, latin1Write } = Buffer.prototype as unknown as Latin1
