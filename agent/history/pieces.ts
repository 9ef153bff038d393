/**
 * What is kept is cut into pieces that fit a value on disk and an answer to another agent. Parts go
 * in, each after its length; pieces come out, compressed where that is worth it. A first byte says.
 */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { recordLimits } from './limits.ts'

const plain = 0
const deflated = 1
const lengthBytes = 4

export class PieceCutter {
  #buffer = new Uint8Array(0)
  #length = 0
  /** Of all parts so far, and of all pieces. */
  bytes = 0
  packedBytes = 0

  /** The pieces that are full by it. */
  push(part: Uint8Array): Uint8Array[] {
    const whole = new Uint8Array(this.#length + lengthBytes + part.length)
    whole.set(this.#buffer.subarray(0, this.#length))
    new DataView(whole.buffer).setUint32(this.#length, part.length)
    whole.set(part, this.#length + lengthBytes)
    this.bytes += part.length
    const { pieceBytes } = recordLimits
    const pieces: Uint8Array[] = []
    let at = 0
    for (; whole.length - at > pieceBytes; at += pieceBytes) {
      pieces.push(this.#packed(whole.subarray(at, at + pieceBytes)))
    }
    this.#buffer = whole.slice(at)
    this.#length = whole.length - at
    return pieces
  }

  /** The last piece. */
  end(): Uint8Array {
    return this.#packed(this.#buffer.subarray(0, this.#length))
  }

  #packed(bytes: Uint8Array): Uint8Array {
    const piece = packed(bytes)
    this.packedBytes += piece.length
    return piece
  }
}

/** The parts again; undefined when the pieces are not what was cut. */
export function partsOf(pieces: readonly Uint8Array[]): Uint8Array[] | undefined {
  const opened: Uint8Array[] = []
  for (const piece of pieces) {
    const bytes = unpacked(piece)
    if (bytes === undefined) return undefined
    opened.push(bytes)
  }
  const whole = joined(opened)
  const view = new DataView(whole.buffer, whole.byteOffset, whole.length)
  const parts: Uint8Array[] = []
  for (let at = 0; at < whole.length; ) {
    if (at + lengthBytes > whole.length) return undefined
    const length = view.getUint32(at)
    at += lengthBytes
    if (at + length > whole.length) return undefined
    parts.push(whole.subarray(at, at + length))
    at += length
  }
  return parts
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** Fast rather than small: the loop waits for it. */
function packed(bytes: Uint8Array): Uint8Array {
  if (bytes.length >= recordLimits.compressedFromBytes) {
    const smaller = deflateRawSync(bytes, { level: constants.Z_BEST_SPEED })
    if (smaller.length < bytes.length) return tagged(deflated, smaller)
  }
  return tagged(plain, bytes)
}

function tagged(tag: number, bytes: Uint8Array): Uint8Array {
  const piece = new Uint8Array(1 + bytes.length)
  piece[0] = tag
  piece.set(bytes, 1)
  return piece
}

function unpacked(piece: Uint8Array): Uint8Array | undefined {
  const body = piece.subarray(1)
  if (piece[0] === plain) return body
  if (piece[0] !== deflated) return undefined
  try {
    return inflateRawSync(body, { maxOutputLength: recordLimits.pieceBytes })
  } catch {
    return undefined
  }
}
