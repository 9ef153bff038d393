/**
 * Looks at all processes of the host, for whether anybody bears a cell's mark. Many cells that end at
 * about the same time share one look, and between two there is a rest, so that a host where a great
 * many programs end does not spend its time with looking.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { cellLimits } from '../limits.ts'
import { markedProcesses } from './marks.ts'

export class Census {
  readonly #owner: string
  #next: Promise<ReadonlySet<string>> | undefined
  #restUntilMs = 0

  constructor(owner: string) {
    this.#owner = owner
  }

  /** Cells in which somebody is alive, by a look that begins after this was called. */
  next(): Promise<ReadonlySet<string>> {
    this.#next ??= this.#rested().then(() => this.#look())
    return this.#next
  }

  async #rested(): Promise<void> {
    const restMs = this.#restUntilMs - performance.now()
    if (restMs > 0) await wait(restMs)
  }

  #look(): ReadonlySet<string> {
    this.#next = undefined
    const beganMs = performance.now()
    const alive = new Set(markedProcesses(this.#owner).map(({ cell }) => cell))
    const endedMs = performance.now()
    const restMs = (endedMs - beganMs) * cellLimits.censusRestFactor
    this.#restUntilMs = endedMs + Math.min(restMs, cellLimits.censusRestMsMax)
    return alive
  }
}
