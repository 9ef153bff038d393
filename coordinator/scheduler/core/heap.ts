/** A queue of what comes first, from which anything can be taken out of its turn. */

export interface HeapItem {
  /** Its place in the one heap that it is in; -1 in none. The heap's to write. */
  place: number
}

export class Heap<T extends HeapItem> {
  private readonly items: T[] = []
  private readonly precedes: (a: T, b: T) => boolean

  constructor(precedes: (a: T, b: T) => boolean) {
    this.precedes = precedes
  }

  get size(): number {
    return this.items.length
  }

  peek(): T | undefined {
    return this.items[0]
  }

  push(item: T): void {
    this.items.push(item)
    this.up(item, this.items.length - 1)
  }

  pop(): T | undefined {
    const first = this.items[0]
    if (first !== undefined) this.remove(first)
    return first
  }

  /** Nothing happens when it is in none. */
  remove(item: T): void {
    const at = item.place
    if (at < 0) return
    item.place = -1
    const last = this.items.pop()!
    if (last === item) return
    if (at > 0 && this.precedes(last, this.items[(at - 1) >> 1]!)) this.up(last, at)
    else this.down(last, at)
  }

  private up(item: T, at: number): void {
    const { items } = this
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = items[above]!
      if (!this.precedes(item, other)) break
      items[at] = other
      other.place = at
      at = above
    }
    items[at] = item
    item.place = at
  }

  private down(item: T, at: number): void {
    const { items } = this
    const { length } = items
    for (;;) {
      let below = 2 * at + 1
      if (below >= length) break
      if (below + 1 < length && this.precedes(items[below + 1]!, items[below]!)) below++
      const other = items[below]!
      if (!this.precedes(other, item)) break
      items[at] = other
      other.place = at
      at = below
    }
    items[at] = item
    item.place = at
  }
}
