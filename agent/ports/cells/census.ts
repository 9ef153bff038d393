/**
 * Looks at all processes of the host, for those that bear a mark of the agent's cells. Many cells
 * that end at about the same time share one look, whoever takes it, and between two there is a rest,
 * so that a host where a great many programs end does not spend its time with looking.
 *
 * Other threads look, unless somebody is being killed: then there is no time to lose, and the agent's
 * own thread does.
 */
import { cellLimits } from '../limits.ts'
import { killProcess, type Marked, markedApart, markedProcesses } from './marks.ts'

type Names = ReadonlySet<string>

export class Census {
  readonly #owner: string
  /** Of those who wait for the next look. */
  #next: PromiseWithResolvers<Names> | undefined
  /** Of those for whom other threads look just now. */
  #apart: PromiseWithResolvers<Names> | undefined
  #timer: NodeJS.Timeout | undefined
  #restUntilMs = 0
  /** Cells in which everybody is to be killed by the look that is about to begin. */
  readonly #condemned = new Set<string>()
  #hurriedUntilMs = 0
  #killingUntilMs = 0

  constructor(owner: string) {
    this.#owner = owner
  }

  /** Cells in which somebody is alive, by a look that begins after this was called. */
  next(): Promise<Names> {
    this.#next ??= Promise.withResolvers()
    this.#plan()
    return this.#next.promise
  }

  /** When somebody waits. While other threads look, they begin the next look when they are done. */
  #plan(): void {
    const nowMs = performance.now()
    const isAwaited = this.#apart !== undefined && nowMs >= this.#killingUntilMs
    if (this.#next === undefined || this.#timer !== undefined || isAwaited) return
    const isHurried = nowMs < this.#hurriedUntilMs
    const wantedMs = Math.max(0, this.#restUntilMs - nowMs)
    const restMs = isHurried ? Math.min(wantedMs, cellLimits.hurriedRestMs) : wantedMs
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#apart !== undefined || performance.now() < this.#killingUntilMs) this.look()
      else void this.#lookApart()
    }, restMs)
  }

  /** For a while, ends are not to wait long for a look: somebody wants to see that all is gone. */
  hurry(): void {
    this.#hurriedUntilMs = performance.now() + cellLimits.hurryMs
    this.#killingUntilMs = this.#hurriedUntilMs
  }

  /** Kills who is in the cell, by a look that all share who ask in the same turn. */
  condemn(cell: string): void {
    this.#killingUntilMs = performance.now() + cellLimits.hurryMs
    if (this.#condemned.size === 0) setImmediate(() => this.#execute())
    this.#condemned.add(cell)
  }

  #execute(): void {
    const cells = new Set(this.#condemned)
    this.#condemned.clear()
    for (const { pid, cell } of this.look()) if (cells.has(cell)) killProcess(pid)
  }

  /** At once, for all who wait. */
  look(): Marked[] {
    const beganMs = performance.now()
    const marked = markedProcesses(this.#owner)
    this.#rest(beganMs, cellLimits.censusRestFactor)
    clearTimeout(this.#timer)
    this.#timer = undefined
    const names = new Set(marked.map(({ cell }) => cell))
    this.#apart?.resolve(names)
    this.#next?.resolve(names)
    this.#next = undefined
    return marked
  }

  async #lookApart(): Promise<void> {
    const asked = this.#next
    this.#next = undefined
    this.#apart = asked
    const beganMs = performance.now()
    const marked = await markedApart(this.#owner, cellLimits.censusReadersMax)
    this.#rest(beganMs, cellLimits.apartRestFactor)
    this.#apart = undefined
    asked?.resolve(new Set(marked.map(({ cell }) => cell)))
    this.#plan()
  }

  #rest(beganMs: number, factor: number): void {
    const endedMs = performance.now()
    const restMs = Math.min((endedMs - beganMs) * factor, cellLimits.censusRestMsMax)
    this.#restUntilMs = endedMs + restMs
  }
}
