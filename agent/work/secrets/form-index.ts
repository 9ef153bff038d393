/**
 * Finds many texts in one stream, whose places are looked at once, however many texts there are: a
 * bundle of certificates has hundreds of lines, and what a stage writes is searched for each of them.
 * By the first two letters it is known where none of them can begin, which is nearly everywhere.
 */
const PAIRS = 1 << 16

export class FormIndex {
  readonly #begins = new Uint8Array(PAIRS / 8)
  readonly #byPair = new Map<number, Buffer[]>()
  readonly #byFirst = new Map<number, Buffer[]>()
  readonly #lengthMax: number

  /** None is empty. */
  constructor(forms: readonly Buffer[]) {
    this.#lengthMax = forms.reduce((length, form) => Math.max(length, form.length), 0)
    for (const form of forms) {
      const first = form[0] as number
      const second = form[1]
      added(this.#byFirst, first, form)
      if (second !== undefined) this.#add(first * 256 + second, form)
      // One of a single letter begins before any other.
      else for (let other = 0; other < 256; other++) this.#add(first * 256 + other, form)
    }
  }

  /** All that stand there whole, in the order in which they begin. */
  found(bytes: Buffer): [from: number, to: number][] {
    const found: [number, number][] = []
    for (let at = this.#next(bytes, 0); at < bytes.length; at = this.#next(bytes, at + 1)) {
      for (const form of this.#at(bytes, at)) {
        const to = at + form.length
        // The last letter is asked for first: that alone rules nearly all of them out.
        if (to > bytes.length || bytes[to - 1] !== form[form.length - 1]) continue
        if (bytes.compare(form, 0, form.length, at, to) === 0) found.push([at, to])
      }
    }
    return found
  }

  /** Where the first begins that more bytes could make whole; the end where none does. */
  begunFrom(bytes: Buffer): number {
    const earliest = Math.max(0, bytes.length - this.#lengthMax + 1)
    for (let at = this.#next(bytes, earliest); at < bytes.length; at = this.#next(bytes, at + 1)) {
      const rest = bytes.length - at
      for (const form of this.#at(bytes, at)) {
        if (form.length > rest && bytes.compare(form, 0, rest, at) === 0) return at
      }
    }
    return bytes.length
  }

  /** From `at` on, where one may begin. Every letter of all that stages write goes through here. */
  #next(bytes: Buffer, at: number): number {
    const begins = this.#begins
    const last = bytes.length - 1
    let first = bytes[at] ?? 0
    for (let next = at; next < last; next++) {
      const second = bytes[next + 1] as number
      const pair = (first << 8) | second
      if (((begins[pair >> 3] as number) & (1 << (pair & 7))) !== 0) return next
      first = second
    }
    return Math.max(at, last)
  }

  #add(pair: number, form: Buffer): void {
    this.#begins[pair >> 3] = (this.#begins[pair >> 3] as number) | (1 << (pair & 7))
    added(this.#byPair, pair, form)
  }

  #at(bytes: Buffer, at: number): readonly Buffer[] {
    const first = bytes[at] as number
    if (at + 1 === bytes.length) return this.#byFirst.get(first) ?? none
    return this.#byPair.get(first * 256 + (bytes[at + 1] as number)) ?? none
  }
}

const none: readonly Buffer[] = []

function added(to: Map<number, Buffer[]>, key: number, form: Buffer): void {
  const there = to.get(key)
  if (there === undefined) to.set(key, [form])
  else there.push(form)
}
