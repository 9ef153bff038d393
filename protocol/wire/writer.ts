/**
 * Puts values into one growing buffer, in a single pass: a nested message is written first and its
 * length put before it afterwards. What is out of range here is a bug of ours, and asserted.
 */
import { Buffer } from 'node:buffer'
import { AssertionFailed } from '../assert.ts'
import { scratchKeptBytesMax, slabShareMax } from './limits.ts'
import { putVarint, varintLength } from './varint.ts'

/** Texts up to this length are copied by hand: below it, a call into native code costs more. */
const shortTextLength = 40

export class Writer {
  readonly #firstBytes: number
  readonly #keptBytesMax: number
  #bytes: Uint8Array<ArrayBuffer>
  #text: Buffer
  /** What is written into, until something does not fit. */
  #slab: Uint8Array<ArrayBuffer>
  /** For what does not: the longest there was, of which nobody was given a part. */
  #spare: Uint8Array<ArrayBuffer> | undefined
  readonly #float = new DataView(new ArrayBuffer(8))
  readonly #floatBytes = new Uint8Array(this.#float.buffer)
  /** What is before it has been given away. */
  #from = 0
  #at = 0

  /** The buffer's size in the beginning, and the one from which on it is not kept. */
  constructor(firstBytes: number, keptBytesMax: number) {
    this.#firstBytes = firstBytes
    this.#keptBytesMax = keptBytesMax
    this.#bytes = new Uint8Array(firstBytes)
    this.#slab = this.#bytes
    this.#text = Buffer.from(this.#bytes.buffer)
  }

  /** Forgets what an encoding before left behind, also one that was cut short by an assertion. */
  begin(): void {
    const { length } = this.#bytes
    const isGrown = length > this.#keptBytesMax
    const left = (isGrown ? this.#slab.length : length) - this.#from
    if (left < slabShareMax) {
      this.#from = 0
      this.#slab = new Uint8Array(this.#firstBytes)
      this.#use(this.#slab)
    } else if (isGrown) this.#use(this.#slab)
    this.#at = this.#from
  }

  /** A copy of what was written, owned by the caller. */
  finish(): Uint8Array {
    return this.#bytes.slice(this.#from, this.#at)
  }

  /**
   * What was written, where it stands, if it is small: what is written next comes behind it. Such
   * memory lives as long as anything in it does: what is kept for long belongs elsewhere.
   */
  finishBriefly(): Uint8Array {
    const { length } = this.#bytes
    const isGrown = length > this.#keptBytesMax
    if (isGrown || this.#at - this.#from > slabShareMax) {
      if (isGrown && length <= scratchKeptBytesMax) this.#spare = this.#bytes
      return this.finish()
    }
    const written = this.#bytes.subarray(this.#from, this.#at)
    this.#from = this.#at
    return written
  }

  uint(value: number, where: string): void {
    if (!Number.isSafeInteger(value) || value < 0) outOfRange(where, 'a whole number, 0 or more')
    if (value < 128) {
      this.#reserve(1)
      this.#bytes[this.#at++] = value
      return
    }
    this.#reserve(10)
    this.#at = putVarint(this.#bytes, this.#at, value)
  }

  /** Zigzag: the sign is the lowest bit, so that small numbers are short whichever their sign. */
  int(value: number, where: string): void {
    if (!Number.isSafeInteger(value)) outOfRange(where, 'a whole number')
    const magnitude = value < 0 ? -value - 1 : value
    const first = ((magnitude % 64) << 1) | (value < 0 ? 1 : 0)
    this.#reserve(10)
    // The doubled value may pass 2^53, so the first seven bits are split off beforehand.
    if (magnitude < 64) {
      this.#bytes[this.#at++] = first
      return
    }
    this.#bytes[this.#at++] = first | 0x80
    this.#at = putVarint(this.#bytes, this.#at, Math.floor(magnitude / 64))
  }

  float(value: number, where: string): void {
    if (!Number.isFinite(value)) outOfRange(where, 'a finite number')
    this.#reserve(8)
    this.#float.setFloat64(0, value, true)
    for (let i = 0; i < 8; i++) this.#bytes[this.#at + i] = this.#floatBytes[i] as number
    this.#at += 8
  }

  /** Half a surrogate pair has no UTF-8 form and is written as U+FFFD, as everywhere in Node. */
  text(value: string, bytesMax: number, where: string): void {
    if (value.length > bytesMax) outOfRange(where, `at most ${bytesMax} bytes`)
    this.#reserve(8 + value.length * 3)
    if (value.length <= shortTextLength && this.#asciiText(value)) return
    const headerGuess = varintLength(value.length)
    const start = this.#at + headerGuess
    const length = this.#text.write(value, start, 'utf8')
    if (length > bytesMax) outOfRange(where, `at most ${bytesMax} bytes`)
    this.#prefixLength(this.#at, headerGuess, length)
  }

  bytes(value: Uint8Array, bytesMax: number, where: string): void {
    if (value.length > bytesMax) outOfRange(where, `at most ${bytesMax} bytes`)
    this.#reserve(8 + value.length)
    this.#at = putVarint(this.#bytes, this.#at, value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  /** Leaves room for what the caller puts there when all is written. */
  leave(bytes: number): void {
    this.#reserve(bytes)
    this.#bytes.fill(0, this.#at, this.#at + bytes)
    this.#at += bytes
  }

  /**
   * Opens something that will be preceded by its length. `close` takes what this returns, and the
   * same guess of that length: what is written has to be moved only if the guess has another size.
   */
  open(guess = 0): number {
    const header = varintLength(guess)
    this.#reserve(header)
    this.#at += header
    return this.#at - header
  }

  close(start: number, guess = 0): void {
    this.#reserve(8)
    const header = varintLength(guess)
    this.#prefixLength(start, header, this.#at - start - header)
  }

  /** A field's tag: at most two bytes, worked out when the schema was made. */
  tag(tag: number): void {
    this.#reserve(2)
    if (tag < 128) this.#bytes[this.#at++] = tag
    else {
      this.#bytes[this.#at++] = (tag & 127) | 0x80
      this.#bytes[this.#at++] = tag >>> 7
    }
  }

  #asciiText(value: string): boolean {
    const bytes = this.#bytes
    const start = this.#at + 1
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (code > 127) return false
      bytes[start + i] = code
    }
    bytes[this.#at] = value.length
    this.#at = start + value.length
    return true
  }

  /** The body lies after a header of `guess` bytes; moves it if its length needs another size. */
  #prefixLength(start: number, guess: number, length: number): void {
    const header = varintLength(length)
    const body = start + guess
    if (header !== guess) this.#bytes.copyWithin(start + header, body, body + length)
    putVarint(this.#bytes, start, length)
    this.#at = start + header + length
  }

  #reserve(more: number): void {
    const needed = this.#at + more
    if (needed > this.#bytes.length) this.#grow(Math.max(needed, this.#bytes.length * 2))
  }

  #grow(size: number): void {
    const spare = this.#spare
    const grown = spare !== undefined && spare.length >= size ? spare : new Uint8Array(size)
    this.#spare = undefined
    grown.set(this.#bytes.subarray(this.#from, this.#at), this.#from)
    this.#use(grown)
  }

  #use(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes
    this.#text = Buffer.from(bytes.buffer)
  }
}

function outOfRange(where: string, expected: string): never {
  throw new AssertionFailed(`${where} must be ${expected} to be sent`)
}
