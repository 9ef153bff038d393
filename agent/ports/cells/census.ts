/**
 * Looks at all processes of the host, for those that bear a mark of the agent's cells. Many cells
 * that end at about the same time share one look, whoever takes it, and between two there is a rest,
 * so that a host where a great many programs end does not spend its time with looking.
 */
import { cellLimits } from '../limits.ts'
import { killProcess, type Marked, markedProcesses } from './marks.ts'

type Names = ReadonlySet<string>

export class Census {
  readonly #owner: string
  /** Of those who wait for the next look. */
  #next: PromiseWithResolvers<Names> | undefined
  #timer: NodeJS.Timeout | undefined
  #restUntilMs = 0
  /** Cells in which everybody is to be killed by the look that is about to begin. */
  readonly #condemned = new Set<string>()
  #hurriedUntilMs = 0

  constructor(owner: string) {
    this.#owner = owner
  }

  /** Cells in which somebody is alive, by a look that begins after this was called. */
  next(): Promise<Names> {
    if (this.#next === undefined) {
      this.#next = Promise.withResolvers()
      const nowMs = performance.now()
      const isHurried = nowMs < this.#hurriedUntilMs
      const wantedMs = Math.max(0, this.#restUntilMs - nowMs)
      const restMs = isHurried ? Math.min(wantedMs, cellLimits.hurriedRestMs) : wantedMs
      this.#timer = setTimeout(() => this.look(), restMs)
    }
    return this.#next.promise
  }

  /** For a while, ends are not to wait long for a look: somebody wants to see that all is gone. */
  hurry(): void {
    this.#hurriedUntilMs = performance.now() + cellLimits.hurryMs
  }

  /** Kills who is in the cell, by a look that all share who ask in the same turn. */
  condemn(cell: string): void {
    if (this.#condemned.size === 0) setImmediate(() => this.#execute())
    this.#condemned.add(cell)
  }

  #execute(): void {
    const cells = new Set(this.#condemned)
    this.#condemned.clear()
    for (const { pid, cell } of this.look()) if (cells.has(cell)) killProcess(pid)
  }

  /** At once. */
  look(): Marked[] {
    const beganMs = performance.now()
    const marked = markedProcesses(this.#owner)
    const endedMs = performance.now()
    const restMs = (endedMs - beganMs) * cellLimits.censusRestFactor
    this.#restUntilMs = endedMs + Math.min(restMs, cellLimits.censusRestMsMax)
    clearTimeout(this.#timer)
    this.#next?.resolve(new Set(marked.map(({ cell }) => cell)))
    this.#next = undefined
    return marked
  }
}
