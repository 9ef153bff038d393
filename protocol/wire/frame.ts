/**
 * Where one message ends and the next begins: each frame is preceded by its length, a varint.
 * What the decoder holds is bounded by what has arrived, never by what was announced.
 */
import { assert } from '../assert.ts'
import { frameBytesLimit, frameHeaderBytesMax, framePieceBytes } from './limits.ts'
import { putVarint, varintLength } from './varint.ts'

/** What goes before a frame of `length` bytes. */
export function frameHeader(length: number): Uint8Array {
  assert(length > 0 && length <= frameBytesLimit, 'a frame must have a lawful length', { length })
  const header = new Uint8Array(varintLength(length))
  putVarint(header, 0, length)
  return header
}

/** Why a stream of bytes is no stream of frames. There is no way on from here. */
export type FrameRefusal = 'emptyFrame' | 'frameTooLarge'

export interface FrameDecoderOptions {
  frameBytesMax: number
}

export class FrameDecoder {
  readonly #frameBytesMax: number
  readonly #onFrame: (frame: Uint8Array) => void
  /** Length of the frame being received; undefined while its header is. */
  #length: number | undefined = undefined
  #headerValue = 0
  #headerBytes = 0
  #piece = new Uint8Array(0)
  #pieceBytes = 0
  #refusal: FrameRefusal | undefined = undefined

  /** Frames are copies, the callee's to keep. */
  constructor(options: FrameDecoderOptions, onFrame: (frame: Uint8Array) => void) {
    assert(
      options.frameBytesMax > 0 && options.frameBytesMax <= frameBytesLimit,
      'a frame limit must be lawful',
      { frameBytesMax: options.frameBytesMax },
    )
    this.#frameBytesMax = options.frameBytesMax
    this.#onFrame = onFrame
  }

  /** Bytes held of a frame, or of its header, that is not yet whole. */
  get pendingBytes(): number {
    return this.#headerBytes + this.#pieceBytes
  }

  /** Undefined, or why nothing more will come of this stream: the same from then on. */
  push(chunk: Uint8Array): FrameRefusal | undefined {
    let at = 0
    while (at < chunk.length && this.#refusal === undefined) {
      at = this.#length === undefined ? this.#readHeader(chunk, at) : this.#readBody(chunk, at)
    }
    return this.#refusal
  }

  #readHeader(chunk: Uint8Array, at: number): number {
    const byte = chunk[at] as number
    this.#headerValue += (byte & 127) * 128 ** this.#headerBytes
    this.#headerBytes++
    if (byte < 128) {
      if (this.#headerValue === 0) this.#refusal = 'emptyFrame'
      else if (this.#headerValue > this.#frameBytesMax) this.#refusal = 'frameTooLarge'
      else this.#length = this.#headerValue
      this.#headerValue = 0
      this.#headerBytes = 0
    } else if (this.#headerBytes === frameHeaderBytesMax) this.#refusal = 'frameTooLarge'
    return at + 1
  }

  #readBody(chunk: Uint8Array, at: number): number {
    const length = this.#length as number
    const taken = Math.min(length - this.#pieceBytes, chunk.length - at)
    if (taken === length) {
      this.#length = undefined
      // Not `slice`: a Buffer’s shares its memory.
      this.#onFrame(new Uint8Array(chunk.subarray(at, at + taken)))
      return at + taken
    }
    this.#growPiece(this.#pieceBytes + taken, length)
    this.#piece.set(chunk.subarray(at, at + taken), this.#pieceBytes)
    this.#pieceBytes += taken
    if (this.#pieceBytes === length) {
      const whole = this.#piece
      this.#piece = new Uint8Array(0)
      this.#pieceBytes = 0
      this.#length = undefined
      this.#onFrame(whole)
    }
    return at + taken
  }

  /** Doubles, but never past the frame, so that a whole frame fills its buffer exactly. */
  #growPiece(needed: number, length: number): void {
    if (needed <= this.#piece.length) return
    const size = Math.min(length, Math.max(needed, this.#piece.length * 2, framePieceBytes))
    const grown = new Uint8Array(size)
    grown.set(this.#piece.subarray(0, this.#pieceBytes))
    this.#piece = grown
  }
}
