/**
 * Who may begin: first come, first served, as many at once as may be and as the resources that they
 * set aside allow. One that does not fit yet is waited for, so that small ones never starve it.
 */
import type { AttemptResources } from '../../protocol/work/attempt.ts'
import type { Held } from './held.ts'

export interface Capacity {
  attempts: number
  /** Undefined while the host is not known. */
  cpu: number | undefined
  memoryBytes: number | undefined
}

export class Turnstile {
  readonly #capacity: () => Capacity
  #queue: Held[] = []
  #queueBytes = 0
  readonly #inside = new Set<Held>()
  #cpu = 0
  #memoryBytes = 0

  constructor(capacity: () => Capacity) {
    this.#capacity = capacity
  }

  get waiting(): number {
    return this.#queue.length
  }

  get waitingBytes(): number {
    return this.#queueBytes
  }

  get inside(): number {
    return this.#inside.size
  }

  /** Why this would never fit; undefined when it will. */
  neverFits({ cpu = 0, memoryBytes = 0 }: AttemptResources): string | undefined {
    const capacity = this.#capacity()
    if (capacity.cpu !== undefined && cpu > capacity.cpu) {
      return `it sets ${cpu} cores aside, and this host has ${capacity.cpu}`
    }
    if (capacity.memoryBytes !== undefined && memoryBytes > capacity.memoryBytes) {
      return `it sets ${memoryBytes} bytes of memory aside, and this host has ${capacity.memoryBytes}`
    }
    return undefined
  }

  queue(held: Held): void {
    this.#queue.push(held)
    this.#queueBytes += held.bytes
  }

  /** It will not begin any more. False when it has. */
  leaveQueue(held: Held): boolean {
    const at = this.#queue.indexOf(held)
    if (at === -1) return false
    this.#queue.splice(at, 1)
    this.#queueBytes -= held.bytes
    return true
  }

  /** All that may begin now, in order. They are inside until they leave. */
  admit(): Held[] {
    const admitted: Held[] = []
    for (const held of this.#queue) {
      if (!this.#fits(held)) break
      this.enter(held)
      this.#queueBytes -= held.bytes
      admitted.push(held)
    }
    if (admitted.length > 0) this.#queue = this.#queue.slice(admitted.length)
    return admitted
  }

  /** Without asking: what an earlier life has let in. */
  enter(held: Held): void {
    this.#inside.add(held)
    this.#setAside(held, 1)
  }

  leave(held: Held): void {
    if (this.#inside.delete(held)) this.#setAside(held, -1)
  }

  #fits({ assignment }: Held): boolean {
    const capacity = this.#capacity()
    if (this.#inside.size >= capacity.attempts) return false
    const { cpu = 0, memoryBytes = 0 } = assignment?.resources ?? {}
    return (
      (cpu === 0 || this.#cpu + cpu <= (capacity.cpu ?? Number.POSITIVE_INFINITY)) &&
      this.#memoryBytes + memoryBytes <= (capacity.memoryBytes ?? Number.POSITIVE_INFINITY)
    )
  }

  #setAside({ assignment }: Held, sign: 1 | -1): void {
    const { cpu = 0, memoryBytes = 0 } = assignment?.resources ?? {}
    this.#cpu += sign * cpu
    this.#memoryBytes += sign * memoryBytes
    // Fractions of cores do not add up to nothing exactly.
    if (this.#inside.size === 0) this.#cpu = 0
  }
}
