/** What happens next: a heap by time, and by order of asking where times are equal. */
interface Item {
  readonly at: number
  readonly order: number
  readonly act: () => void
}

export class Queue {
  private readonly heap: Item[] = []
  private order = 0

  get nextAt(): number {
    return this.heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  add(at: number, act: () => void): void {
    const { heap } = this
    const item = { at, order: this.order++, act }
    let i = heap.length
    heap.push(item)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (isBefore(heap[parent] as Item, item)) break
      heap[i] = heap[parent] as Item
      i = parent
    }
    heap[i] = item
  }

  take(): Item {
    const { heap } = this
    const first = heap[0] as Item
    const last = heap.pop() as Item
    if (heap.length === 0) return first
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Item, heap[child] as Item)) child++
      if (isBefore(last, heap[child] as Item)) break
      heap[i] = heap[child] as Item
      i = child
    }
    heap[i] = last
    return first
  }
}

function isBefore(a: Item, b: Item): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order
}
