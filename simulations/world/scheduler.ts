/**
 * Virtual time: what is due next, next. Events due at one instant fire in the order in which they
 * were scheduled, so one seed has one history.
 *
 * A four-way heap over typed arrays: times and orders are compared without touching an event, and
 * each event knows its place, so that cancelling takes it out at once and leaves nothing behind.
 */
import { assert } from '../../protocol/assert.ts'

/** Something that will happen. It may be scheduled again once it has fired or was cancelled. */
export abstract class Due {
  atMs = 0
  /** Its place in the heap, or −1. Written by the scheduler alone. */
  place = -1

  abstract fire(): void
}

/** A plain callback. `run` is undefined once it has fired or was cancelled. */
export class Scheduled extends Due {
  run: (() => void) | undefined

  constructor(run: () => void) {
    super()
    this.run = run
  }

  fire(): void {
    const { run } = this
    this.run = undefined
    run?.()
  }
}

const firstCapacity = 256

export class Scheduler {
  nowMs = 0
  /** Events fired since the start. */
  fired = 0
  private times = new Float64Array(firstCapacity)
  private orders = new Float64Array(firstCapacity)
  private readonly events: Due[] = []
  private nextOrder = 0

  get pending(): number {
    return this.events.length
  }

  get nextAtMs(): number {
    return this.events.length === 0 ? Number.POSITIVE_INFINITY : (this.times[0] as number)
  }

  at(atMs: number, run: () => void): Scheduled {
    const event = new Scheduled(run)
    this.schedule(event, atMs)
    return event
  }

  /** What should have been in the past is due now. */
  schedule(event: Due, atMs: number): void {
    assert(event.place === -1, 'an event is scheduled once at a time')
    const dueMs = Math.max(atMs, this.nowMs)
    // Also catches NaN, which would take the order of the whole heap with it.
    assert(dueMs >= 0 && dueMs < Number.POSITIVE_INFINITY, 'an event is due at some time', { atMs })
    event.atMs = dueMs
    const place = this.events.length
    if (place === this.times.length) this.grow()
    this.events.push(event)
    this.rise(event, place, dueMs, this.nextOrder++)
  }

  /** Takes an event out; one that is not scheduled is left as it is. */
  cancel(event: Due): void {
    if (event instanceof Scheduled) event.run = undefined
    const { place } = event
    if (place !== -1) this.removeAt(place)
  }

  /** Forgets every event that `gone` names, in time linear in what is pending. */
  cancelAll(gone: (event: Due) => boolean): void {
    const kept: [event: Due, atMs: number, order: number][] = []
    for (const [i, event] of this.events.entries()) {
      if (gone(event)) event.place = -1
      else kept.push([event, this.times[i] as number, this.orders[i] as number])
    }
    if (kept.length === this.events.length) return
    this.events.length = 0
    for (const [event, atMs, order] of kept) {
      this.events.push(event)
      this.rise(event, this.events.length - 1, atMs, order)
    }
  }

  /** Fires the next event. False when none is left. */
  step(): boolean {
    const event = this.events[0]
    if (event === undefined) return false
    this.nowMs = this.times[0] as number
    this.removeAt(0)
    this.fired++
    event.fire()
    return true
  }

  /** Fires everything due up to `untilMs`, for worlds in which no promise is used. */
  runSync(untilMs: number): void {
    while (this.nextAtMs <= untilMs) this.step()
    this.skipTo(untilMs)
  }

  /** Lets time pass in which nothing is due. */
  skipTo(atMs: number): void {
    if (atMs > this.nowMs) this.nowMs = atMs
  }

  private removeAt(place: number): void {
    const { events, times, orders } = this
    const removed = events[place] as Due
    removed.place = -1
    const last = events.pop() as Due
    if (last === removed) return
    const end = events.length
    const atMs = times[end] as number
    const order = orders[end] as number
    if (place > 0 && this.isBefore(atMs, order, (place - 1) >> 2)) {
      this.rise(last, place, atMs, order)
    } else {
      this.sink(last, place, atMs, order)
    }
  }

  private isBefore(atMs: number, order: number, place: number): boolean {
    const other = this.times[place] as number
    return atMs < other || (atMs === other && order < (this.orders[place] as number))
  }

  private rise(event: Due, from: number, atMs: number, order: number): void {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >> 2
      if (!this.isBefore(atMs, order, parent)) break
      this.move(parent, place)
      place = parent
    }
    this.put(event, place, atMs, order)
  }

  private sink(event: Due, from: number, atMs: number, order: number): void {
    const { times, orders } = this
    const count = this.events.length
    let place = from
    for (;;) {
      let best = 4 * place + 1
      if (best >= count) break
      const end = Math.min(best + 4, count)
      for (let child = best + 1; child < end; child++) {
        if (this.isBefore(times[child] as number, orders[child] as number, best)) best = child
      }
      if (this.isBefore(atMs, order, best)) break
      this.move(best, place)
      place = best
    }
    this.put(event, place, atMs, order)
  }

  private move(from: number, to: number): void {
    this.put(this.events[from] as Due, to, this.times[from] as number, this.orders[from] as number)
  }

  private put(event: Due, place: number, atMs: number, order: number): void {
    this.events[place] = event
    this.times[place] = atMs
    this.orders[place] = order
    event.place = place
  }

  private grow(): void {
    const times = new Float64Array(this.times.length * 2)
    const orders = new Float64Array(this.orders.length * 2)
    times.set(this.times)
    orders.set(this.orders)
    this.times = times
    this.orders = orders
  }
}
