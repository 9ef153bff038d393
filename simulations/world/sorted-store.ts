/** Keys in the order of their UTF-8 bytes, with what they hold. */
import type { ScanRange } from '../../protocol/ports/disk.ts'

export class SortedStore {
  private readonly keys: string[] = []
  private readonly values = new Map<string, Uint8Array>()
  /** Where a key was put or taken away last: the next one often goes there, or right behind. */
  private lastPlace = 0

  get(key: string): Uint8Array | undefined {
    return this.values.get(key)
  }

  /** Undefined deletes. Returns what was there. */
  set(key: string, value: Uint8Array | undefined): Uint8Array | undefined {
    const before = this.values.get(key)
    if (value !== undefined) {
      if (before === undefined) {
        this.lastPlace = this.placeOf(key)
        this.keys.splice(this.lastPlace, 0, key)
      }
      this.values.set(key, value)
    } else if (before !== undefined) {
      this.lastPlace = this.placeOf(key)
      this.keys.splice(this.lastPlace, 1)
      this.values.delete(key)
    }
    return before
  }

  /** What the range holds now, in its direction. */
  slice(range: ScanRange): (readonly [key: string, value: Uint8Array])[] {
    const first = this.placeOf(range.from)
    const end = Math.max(first, this.placeOf(range.to))
    const limit = Math.min(range.limit ?? Number.POSITIVE_INFINITY, end - first)
    const keys =
      range.reverse === true
        ? this.keys.slice(end - limit, end).reverse()
        : this.keys.slice(first, first + limit)
    return keys.map((key) => [key, this.values.get(key) as Uint8Array])
  }

  /** Of the first key that is not before this one. */
  private placeOf(key: string): number {
    const { keys } = this
    // The engine's own order, which is much the quicker, is right for whatever is held against ASCII.
    const before = ascii.test(key)
      ? (other: string) => other < key
      : (other: string) => isBefore(other, key)
    let low = 0
    let high = keys.length
    // A log grows at its end and is cut at its beginning, one record after another.
    const guess = Math.min(this.lastPlace, high)
    if (guess === 0 || before(keys[guess - 1] as string)) {
      low = guess
      if (guess === high || !before(keys[guess] as string)) return guess
      low = guess + 1
      if (low === high || !before(keys[low] as string)) return low
    } else high = guess - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (before(keys[middle] as string)) low = middle + 1
      else high = middle
    }
    return low
  }
}

const ascii = /^[\0-\x7f]*$/

/** As their UTF-8 bytes compare: JavaScript puts half a pair before U+E000 to U+FFFF. */
export function isBefore(a: string, b: string): boolean {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rank(x) < rank(y)
  }
  return a.length < b.length
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
