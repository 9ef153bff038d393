/** The last bytes of something endless, in memory that does not grow. */
export class EndRing {
  readonly #bytesMax: number
  #ring: Uint8Array = new Uint8Array(0)
  #length = 0
  /** Where the next byte goes, once the ring is full. */
  #at = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get length(): number {
    return this.#length
  }

  push(bytes: Uint8Array): void {
    const kept = bytes.length > this.#bytesMax ? bytes.subarray(-this.#bytesMax) : bytes
    this.#grow(this.#length + kept.length)
    const first = Math.min(kept.length, this.#ring.length - this.#at)
    this.#ring.set(kept.subarray(0, first), this.#at)
    this.#ring.set(kept.subarray(first), 0)
    this.#at = (this.#at + kept.length) % this.#bytesMax
    this.#length = Math.min(this.#bytesMax, this.#length + kept.length)
  }

  /** A copy of the last so many, in order. */
  last(count: number): Uint8Array {
    const wanted = Math.min(count, this.#length)
    const bytes = new Uint8Array(wanted)
    const from = (this.#at - wanted + this.#bytesMax) % this.#bytesMax
    const first = Math.min(wanted, this.#bytesMax - from)
    bytes.set(this.#ring.subarray(from, from + first), 0)
    bytes.set(this.#ring.subarray(0, wanted - first), first)
    return bytes
  }

  /** Doubles until it holds all that it may: most logs are short. */
  #grow(needed: number): void {
    if (needed <= this.#ring.length || this.#ring.length === this.#bytesMax) return
    const size = Math.min(this.#bytesMax, Math.max(needed, 2 * this.#ring.length, 512))
    const grown = new Uint8Array(size)
    // Not full before: what is there stands at the beginning, in order.
    grown.set(this.#ring.subarray(0, this.#length))
    this.#ring = grown
  }
}
