/**
 * Looks at all processes of the host, for those that bear a mark of the agent's cells. Many cells
 * that end at about the same time share one look, whoever takes it, and between two there is a rest,
 * so that a host where a great many programs end does not spend its time with looking.
 *
 * Other threads look, also for those who are to be killed: of a process that is just starting the
 * kernel tells nothing until it has started, and whoever asks stands still until then. For those to
 * be killed there is a look of its own, beside the one that is under way and without a rest.
 */
import { cellLimits } from '../limits.ts'
import { killProcess, type Marked, markedApart } from './marks.ts'

type Names = ReadonlySet<string>

export class Census {
  readonly #owner: string
  /** Of those who wait for the next look. */
  #next: PromiseWithResolvers<Names> | undefined
  #isLooking = false
  #timer: NodeJS.Timeout | undefined
  #restUntilMs = 0
  #hurriedUntilMs = 0
  /** Cells in which everybody is to be killed by the next look of that kind. */
  readonly #condemned = new Set<string>()
  /** Of those who wait for what that look finds. */
  #found: PromiseWithResolvers<Names> | undefined
  #isKilling = false

  constructor(owner: string) {
    this.#owner = owner
  }

  /** Cells in which somebody is alive, by a look that begins after this was called. */
  next(): Promise<Names> {
    this.#next ??= Promise.withResolvers()
    this.#plan()
    return this.#next.promise
  }

  /** When somebody waits. Whoever is looking begins the next look when they are done. */
  #plan(): void {
    if (this.#next === undefined || this.#timer !== undefined || this.#isLooking) return
    const nowMs = performance.now()
    const wantedMs = Math.max(0, this.#restUntilMs - nowMs)
    const isHurried = nowMs < this.#hurriedUntilMs
    const restMs = isHurried ? Math.min(wantedMs, cellLimits.hurriedRestMs) : wantedMs
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#next !== undefined && !this.#isLooking) void this.#look()
    }, restMs)
  }

  async #look(): Promise<void> {
    this.#isLooking = true
    await this.#lookForAll(() => {})
    this.#isLooking = false
    this.#plan()
  }

  /** For a while, ends are not to wait long for a look: somebody wants to see that all is gone. */
  hurry(): void {
    this.#hurriedUntilMs = performance.now() + cellLimits.hurryMs
  }

  /**
   * Kills who is in these cells, by a look that begins after this was called and that all share who
   * ask in the same turn, or until the one before is over. Resolves with the cells in which somebody
   * was alive.
   */
  kill(cells: Iterable<string>): Promise<Names> {
    for (const cell of cells) this.#condemned.add(cell)
    if (this.#found === undefined) {
      this.#found = Promise.withResolvers()
      if (!this.#isKilling) setImmediate(() => this.#execute())
    }
    return this.#found.promise
  }

  async #execute(): Promise<void> {
    this.#isKilling = true
    while (this.#found !== undefined) {
      const [cells, found] = [new Set(this.#condemned), this.#found]
      this.#condemned.clear()
      this.#found = undefined
      // Each as soon as it is found: others may be looked at for a while.
      const names = await this.#lookForAll(({ pid, cell }) => {
        if (cells.has(cell)) killProcess(pid)
      })
      found.resolve(names)
    }
    this.#isKilling = false
  }

  /** For all who wait when it begins. */
  async #lookForAll(each: (marked: Marked) => void): Promise<Names> {
    const asked = this.#next
    this.#next = undefined
    const beganMs = performance.now()
    const names = new Set<string>()
    await markedApart(this.#owner, {
      atOnce: cellLimits.censusReadersMax,
      strangersMs: cellLimits.strangersMsMax,
      onFound: (marked) => {
        names.add(marked.cell)
        each(marked)
      },
    })
    const endedMs = performance.now()
    const restMs = (endedMs - beganMs) * cellLimits.censusRestFactor
    this.#restUntilMs = endedMs + Math.min(restMs, cellLimits.censusRestMsMax)
    asked?.resolve(names)
    return names
  }
}
