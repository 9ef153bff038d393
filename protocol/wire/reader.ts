/**
 * Takes values out of bytes that a stranger sent. It never throws: the first thing that is wrong
 * is kept in `why`, and everything read from then on is meaningless.
 *
 * Invariant: `at` ≤ `end` ≤ the length of the bytes, and every read moves `at` forward or refuses.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import { textRememberedMax, textsRememberedMax, varintBytesMax } from './limits.ts'
import type { RefusalReason } from './refusal.ts'

export const wireVarint = 0
export const wireFixed64 = 1
export const wireLength = 2
export const wireFixed32 = 5

/** Texts up to this length are built by hand: below it, a call into native code costs more. */
const shortTextLength = 16

/** What was read of late, by its ends and its length; another one takes its place. */
const remembered: string[] = new Array(textsRememberedMax).fill('')

const float = new DataView(new ArrayBuffer(8))
const floatBytes = new Uint8Array(float.buffer)

export class Reader {
  readonly bytes: Uint8Array
  at: number
  /** Where the message now being read ends. */
  end: number
  why: RefusalReason | undefined = undefined
  /**
   * Something stood here that writing would not bring back: a field that is not known, one that comes
   * twice, a number in more bytes than it needs.
   */
  surplus = false
  #text: Buffer | undefined = undefined

  constructor(bytes: Uint8Array, from = 0) {
    this.bytes = bytes
    this.at = from
    this.end = bytes.length
  }

  /** The first refusal stands. Also ends the reading, so that no loop goes on. */
  refuse(why: RefusalReason): void {
    this.why ??= why
    this.at = this.end
  }

  /** A whole number up to 2^53 - 1. */
  uint(): number {
    const byte = this.at < this.end ? (this.bytes[this.at] as number) : 128
    if (byte < 128) {
      this.at++
      return byte
    }
    return this.#varint(0, 1, varintBytesMax)
  }

  /** A field's number and wire type. Zero, which is no tag, when refused. */
  tag(): number {
    const tag = this.uint()
    if (tag >= 8 && tag <= 0xffffffff) return tag
    this.refuse('badTag')
    return 0
  }

  /** Takes the tag that stands here if it is this one, of one byte. */
  comes(tag: number): boolean {
    if (this.at >= this.end || this.bytes[this.at] !== tag) return false
    this.at++
    return true
  }

  /** The whole number behind that tag of one byte; −1 where another field stands, which stays. */
  uintAt(tag: number): number {
    return this.comes(tag) ? this.uint() : -1
  }

  int(): number {
    if (this.at >= this.end) {
      this.refuse('truncated')
      return 0
    }
    const first = this.bytes[this.at++] as number
    let magnitude = (first & 127) >>> 1
    // The rest stands for 64 times itself; what that would push past 2^53 - 1 is refused.
    if (first > 127) magnitude = this.#varint(magnitude, 64, varintBytesMax - 1)
    if ((first & 1) === 0) return magnitude
    if (magnitude === Number.MAX_SAFE_INTEGER) this.refuse('numberTooLarge')
    return -magnitude - 1
  }

  bool(): boolean {
    const value = this.uint()
    if (value > 1) this.surplus = true
    return value !== 0
  }

  float(): number {
    if (this.end - this.at < 8) {
      this.refuse('truncated')
      return 0
    }
    for (let i = 0; i < 8; i++) floatBytes[i] = this.bytes[this.at + i] as number
    this.at += 8
    const value = float.getFloat64(0, true)
    if (!Number.isFinite(value)) this.refuse('notFinite')
    return value
  }

  text(bytesMax: number): string {
    const length = this.length(bytesMax)
    const start = this.at
    this.at += length
    if (length > 1 && length <= textRememberedMax) return this.#remembered(start, length)
    return this.#textAt(start, length)
  }

  /** Most texts have come before: ids, names, keys. The same one again costs no memory, and is known at once. */
  #remembered(start: number, length: number): string {
    const { bytes } = this
    const last = start + length - 1
    const place =
      (31 * (bytes[last] as number) +
        7 * (bytes[last - 1] as number) +
        (bytes[start] as number) +
        length) &
      (textsRememberedMax - 1)
    const known = remembered[place] as string
    if (known.length === length) {
      let i = 0
      while (i < length && known.charCodeAt(i) === bytes[start + i]) i++
      if (i === length) return known
    }
    const text = this.#textAt(start, length)
    // Only of ASCII are letters bytes.
    if (text.length === length) remembered[place] = text
    return text
  }

  #textAt(start: number, length: number): string {
    if (length <= shortTextLength) {
      let text = ''
      let i = start
      for (; i < this.at; i++) {
        const code = this.bytes[i] as number
        if (code > 127) break
        text += String.fromCharCode(code)
      }
      if (i === this.at) return text
    }
    const end = this.at
    for (let i = start; i < end; i++) {
      if ((this.bytes[i] as number) > 127) return this.#utf8(start, end)
    }
    return this.#buffer().toString('latin1', start, end)
  }

  /** A view of the bytes received, not a copy: keeping it keeps the whole frame. */
  view(bytesMax: number): Uint8Array {
    const length = this.length(bytesMax)
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  /** The length of what follows, which is all there. Zero when refused. */
  length(bytesMax: number): number {
    const length = this.uint()
    if (length > bytesMax) {
      this.refuse('tooLong')
      return 0
    }
    if (length > this.end - this.at) {
      this.refuse('truncated')
      return 0
    }
    return length
  }

  /** Narrows the reading to what a length announces. `leave` takes what this returns. */
  enter(): number {
    const length = this.length(Number.MAX_SAFE_INTEGER)
    const outerEnd = this.end
    this.end = this.at + length
    return outerEnd
  }

  /** Widens it again, unless something was refused: then there is no more to read. */
  leave(outerEnd: number): void {
    if (this.why === undefined) this.end = outerEnd
  }

  /** Passes over a field that this version does not know. */
  skip(wireType: number): void {
    this.surplus = true
    if (wireType === wireVarint) {
      for (let i = 0; i < varintBytesMax; i++) {
        if (this.at < this.end && (this.bytes[this.at++] as number) < 128) return
      }
      this.refuse(this.at < this.end ? 'numberTooLarge' : 'truncated')
    } else if (wireType === wireLength) this.#pass(this.length(Number.MAX_SAFE_INTEGER))
    else if (wireType === wireFixed64) this.#pass(8)
    else if (wireType === wireFixed32) this.#pass(4)
    // Groups, given up by protobuf long ago, and what it never had.
    else this.refuse('wrongWireType')
  }

  #pass(length: number): void {
    if (this.end - this.at < length) this.refuse('truncated')
    else this.at += length
  }

  /** `base` and the varint's value, times `scale`. Both stay exact up to 2^53 - 1. */
  #varint(base: number, scale: number, bytesMax: number): number {
    for (let i = 0; i < bytesMax; i++) {
      if (this.at >= this.end) {
        this.refuse('truncated')
        return 0
      }
      const byte = this.bytes[this.at++] as number
      base += (byte & 127) * scale
      if (base > Number.MAX_SAFE_INTEGER) break
      if (byte < 128) {
        if (byte === 0) this.surplus = true
        return base
      }
      scale *= 128
    }
    this.refuse('numberTooLarge')
    return 0
  }

  #utf8(start: number, end: number): string {
    if (isUtf8(this.bytes.subarray(start, end))) return this.#buffer().toString('utf8', start, end)
    this.refuse('invalidUtf8')
    return ''
  }

  #buffer(): Buffer {
    this.#text ??= Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length)
    return this.#text
  }
}
