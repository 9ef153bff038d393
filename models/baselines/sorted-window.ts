/** The latest of many numbers, in order of size at any time. */

export class SortedWindow {
  readonly #limit: number
  readonly #sorted: number[] = []
  /** In the order of their coming; the oldest is at `#next` once it is full. */
  readonly #come: number[] = []
  #next = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get sorted(): readonly number[] {
    return this.#sorted
  }

  add(value: number): void {
    if (this.#come.length < this.#limit) this.#come.push(value)
    else {
      this.#sorted.splice(this.#placeOf(this.#come[this.#next] as number), 1)
      this.#come[this.#next] = value
      this.#next = (this.#next + 1) % this.#limit
    }
    this.#sorted.splice(this.#placeOf(value), 0, value)
  }

  /** Of the first that is not less. */
  #placeOf(value: number): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sorted[middle] as number) < value) low = middle + 1
      else high = middle
    }
    return low
  }
}
