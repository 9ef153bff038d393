/**
 * What an agent and the process with its models say to each other: a head, which is JSON and short,
 * and behind it the numbers of tensors as they are in memory. Neither side copies what it sends.
 *
 * Either may be broken or worse: the process runs native code on models of strangers. So what comes
 * is measured before it is kept, and a length that is not allowed ends the talk.
 */
import type { Tensor, Tensors } from '../../../models/engine.ts'
import type { TensorHead } from './requests.ts'

/** The id of what is said once, as an answer to nothing: the runtime is there. */
export const readyId = 0
/** Of the head, and of what is behind it. */
const PREFIX_BYTES = 8
/** So that numbers of eight bytes stand where they may be read in place. */
const ALIGNMENT = 8

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

/** Heads of each step, and the numbers of all of them behind. */
export function packed(steps: readonly Tensors[]): {
  heads: TensorHead[][]
  body: Uint8Array[]
} {
  const body: Uint8Array[] = []
  const heads = steps.map((tensors) =>
    Object.entries(tensors).map(([name, { dims, data }]): TensorHead => {
      body.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      const rest = data.byteLength % ALIGNMENT
      if (rest > 0) body.push(new Uint8Array(ALIGNMENT - rest))
      return { name, type: data instanceof Float32Array ? 'float32' : 'int64', dims }
    }),
  )
  return { heads, body }
}

/** The tensors in place, or nothing where the body is not what the heads say. */
export function unpacked(
  steps: readonly (readonly TensorHead[])[],
  { buffer, byteLength }: Uint8Array<ArrayBuffer>,
): Record<string, Tensor>[] | undefined {
  let at = 0
  const all: Record<string, Tensor>[] = []
  for (const heads of steps) {
    const tensors: Record<string, Tensor> = Object.create(null)
    all.push(tensors)
    for (const { name, type, dims } of heads) {
      const count = dims.reduce((product, length) => product * length, 1)
      const size = count * (type === 'float32' ? 4 : 8)
      const isThere = Number.isSafeInteger(size) && size <= byteLength - at
      if (!isThere || name in tensors) return undefined
      const data =
        type === 'float32'
          ? new Float32Array(buffer, at, count)
          : new BigInt64Array(buffer, at, count)
      tensors[name] = { dims, data }
      at += Math.ceil(size / ALIGNMENT) * ALIGNMENT
    }
  }
  return at === byteLength ? all : undefined
}
