/**
 * Virtual time: what is due next, next. Events due at one instant run in the order in which they
 * were scheduled, so one seed has one history.
 */
export interface Scheduled {
  atMs: number
  order: number
  /** Cleared by `cancel`; a cancelled event stays in the heap until its turn and does nothing. */
  run: (() => void) | undefined
}

export class Scheduler {
  nowMs = 0
  ran = 0
  private readonly heap: Scheduled[] = []
  private nextOrder = 0

  at(atMs: number, run: () => void): Scheduled {
    const event: Scheduled = { atMs: Math.max(atMs, this.nowMs), order: this.nextOrder++, run }
    this.push(event)
    return event
  }

  cancel(event: Scheduled): void {
    event.run = undefined
  }

  get nextAtMs(): number {
    return this.heap[0]?.atMs ?? Number.POSITIVE_INFINITY
  }

  /** Runs the next event. False when none is left. */
  step(): boolean {
    const event = this.pop()
    if (!event) return false
    this.nowMs = event.atMs
    const { run } = event
    if (run) {
      event.run = undefined
      this.ran++
      run()
    }
    return true
  }

  /** Runs everything due up to `untilMs`, for worlds in which no promise is used. */
  runSync(untilMs: number): void {
    while (this.nextAtMs <= untilMs) this.step()
    this.nowMs = Math.max(this.nowMs, untilMs)
  }

  private push(event: Scheduled): void {
    const { heap } = this
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as Scheduled
      if (!isBefore(event, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = event
  }

  private pop(): Scheduled | undefined {
    const { heap } = this
    const first = heap[0]
    const last = heap.pop()
    if (!first || !last || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (
        child + 1 < heap.length &&
        isBefore(heap[child + 1] as Scheduled, heap[child] as Scheduled)
      )
        child++
      if (!isBefore(heap[child] as Scheduled, last)) break
      heap[at] = heap[child] as Scheduled
      at = child
    }
    heap[at] = last
    return first
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
