/**
 * What an agent and the process with its models say to each other: a head, which is JSON and short,
 * and behind it the numbers of tensors as they are in memory. Neither side copies what it sends.
 *
 * Either may be broken or worse: the process runs native code on models of strangers. So what comes
 * is measured before it is kept, and a length that is not allowed ends the talk.
 */
/** The id of what is said once, as an answer to nothing: the runtime is there. */
export const readyId = 0
/** Of the head, and of what is behind it. */
const PREFIX_BYTES = 8

export interface Frame {
  readonly head: unknown
  readonly body: Uint8Array<ArrayBuffer>
}

export interface FrameLimits {
  readonly headBytesMax: number
  readonly bodyBytesMax: number
}

/** Pieces that are written one after the other. */
export function piecesOf(head: object, body: readonly Uint8Array[]): Uint8Array[] {
  const text = Buffer.from(JSON.stringify(head))
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32LE(text.length, 0)
  prefix.writeUInt32LE(
    body.reduce((sum, { length }) => sum + length, 0),
    4,
  )
  return [prefix, text, ...body]
}

/** Makes frames of what arrives in pieces. */
export class FrameReader {
  readonly #limits: FrameLimits
  readonly #bodyOf: (bytes: number) => Uint8Array<ArrayBuffer>
  readonly #prefix = Buffer.alloc(PREFIX_BYTES)
  #held = 0
  #head: Buffer | undefined
  #body: Uint8Array<ArrayBuffer> = new Uint8Array(0)

  /** `bodyOf`: where so many bytes are put; it begins where its buffer does. */
  constructor(
    limits: FrameLimits,
    bodyOf: (bytes: number) => Uint8Array<ArrayBuffer> = (bytes) => new Uint8Array(bytes),
  ) {
    this.#limits = limits
    this.#bodyOf = bodyOf
  }

  /** The frames that are whole with it; throws at what is no frame. */
  take(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = []
    let at = 0
    while (at < chunk.length) {
      const { room } = this
      const part = chunk.subarray(at, at + room.length)
      room.set(part)
      at += part.length
      const frame = this.filled(part.length)
      if (frame !== undefined) frames.push(frame)
    }
    return frames
  }

  /** Where the next bytes are to be put; there is always some. */
  get room(): Uint8Array {
    const { length } = this.#prefix
    if (this.#head === undefined) return this.#prefix.subarray(this.#held)
    const inHead = this.#held - length
    if (inHead < this.#head.length) return this.#head.subarray(inHead)
    return this.#body.subarray(inHead - this.#head.length)
  }

  /** So many were put there: the frame that is whole with them. Throws at what is no frame. */
  filled(bytes: number): Frame | undefined {
    this.#held += bytes
    return this.#whole()
  }

  #whole(): Frame | undefined {
    if (this.#head === undefined && this.#held === PREFIX_BYTES) this.#measure()
    const head = this.#head
    if (head === undefined) return undefined
    if (this.#held < PREFIX_BYTES + head.length + this.#body.length) return undefined
    const frame = { head: JSON.parse(head.toString('utf8')) as unknown, body: this.#body }
    this.#held = 0
    this.#head = undefined
    return frame
  }

  #measure(): void {
    const headBytes = this.#prefix.readUInt32LE(0)
    const bodyBytes = this.#prefix.readUInt32LE(4)
    const { headBytesMax, bodyBytesMax } = this.#limits
    if (headBytes === 0 || headBytes > headBytesMax || bodyBytes > bodyBytesMax) {
      throw new RangeError(`a frame of ${headBytes} and ${bodyBytes} bytes is not taken`)
    }
    this.#head = Buffer.alloc(headBytes)
    this.#body = this.#bodyOf(bodyBytes)
  }
}
