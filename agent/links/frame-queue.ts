/** Frames that wait for one peer: first in, first out, and the oldest dropped when full. */
export interface Outgoing {
  bytes: Uint8Array
  /** Set when the frame is a request of ours: somebody waits for what becomes of it. */
  requestId?: number
}

export class FrameQueue {
  readonly #framesMax: number
  readonly #bytesMax: number
  #frames: Outgoing[] = []
  #bytes = 0

  constructor(framesMax: number, bytesMax: number) {
    this.#framesMax = framesMax
    this.#bytesMax = bytesMax
  }

  get length(): number {
    return this.#frames.length
  }

  /** Returns what had to go to make room. The new frame itself always stays. */
  push(frame: Outgoing): Outgoing[] {
    const dropped: Outgoing[] = []
    while (
      this.#frames.length >= this.#framesMax ||
      (this.#frames.length > 0 && this.#bytes + frame.bytes.length > this.#bytesMax)
    ) {
      dropped.push(this.shift() as Outgoing)
    }
    this.#frames.push(frame)
    this.#bytes += frame.bytes.length
    return dropped
  }

  shift(): Outgoing | undefined {
    const frame = this.#frames.shift()
    if (frame !== undefined) this.#bytes -= frame.bytes.length
    return frame
  }

  /** Empties the queue and returns what was in it. */
  takeAll(): Outgoing[] {
    const all = this.#frames
    this.#frames = []
    this.#bytes = 0
    return all
  }
}
