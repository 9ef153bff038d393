/** How far guesses were off of late, and to which side: means that forget. */

export class Track {
  readonly #keep: number
  #weight = 0
  #off = 0
  #away = 0

  /** `keep`: what is left of a thing's weight when the next one comes. */
  constructor(keep: number) {
    this.#keep = keep
  }

  /** Actual − guess. */
  add(off: number): void {
    this.#weight = this.#weight * this.#keep + 1
    this.#off = this.#off * this.#keep + off
    this.#away = this.#away * this.#keep + Math.abs(off)
  }

  /** Mean distance; `prior` stands for `doubt` guesses that nobody has seen. */
  away(prior: number, doubt: number): number {
    return (this.#away + prior * doubt) / (this.#weight + doubt)
  }

  /** Mean of what guesses were too low; 0 stands for `doubt` guesses that nobody has seen. */
  off(doubt: number): number {
    return this.#off / (this.#weight + doubt)
  }
}
