/** Keys in the order of their UTF-8 bytes, with what they hold. */
import type { ScanRange } from '../../protocol/ports/disk.ts'

export class SortedStore {
  private readonly keys: string[] = []
  private readonly values = new Map<string, Uint8Array>()

  get(key: string): Uint8Array | undefined {
    return this.values.get(key)
  }

  /** Undefined deletes. Returns what was there. */
  set(key: string, value: Uint8Array | undefined): Uint8Array | undefined {
    const before = this.values.get(key)
    if (value !== undefined) {
      if (before === undefined) this.keys.splice(this.placeOf(key), 0, key)
      this.values.set(key, value)
    } else if (before !== undefined) {
      this.keys.splice(this.placeOf(key), 1)
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
    // Most writes append: a log grows at its end.
    if (high > 0 && before(keys[high - 1] as string)) return high
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
