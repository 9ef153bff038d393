/**
 * Memory that each request is given anew: made for each, what was read of thirty placements would be
 * collected at once, and the next would wait for it.
 */

/** So that numbers of eight bytes stand where they may be read in place. */
const ALIGNMENT = 8

export class Room {
  readonly #bytesMax: number
  #kept = new ArrayBuffer(0)
  #used = 0

  /** What takes more than so many bytes is seldom, and not kept. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Whatever was taken is free again. */
  clear(): void {
    this.#used = 0
  }

  /** What stands there is of requests before. The first one begins where its buffer does. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const from = this.#used
    const end = from + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
    if (end > this.#bytesMax) return new Uint8Array(bytes)
    if (end > this.#kept.byteLength) this.#kept = new ArrayBuffer(end)
    this.#used = end
    return new Uint8Array(this.#kept, from, bytes)
  }
}
