/**
 * Writes down when attempts have started, and what finds them again: of those that have run for a
 * moment. Most are over by then, and what an earlier life has started a moment before it ended is
 * found by its name.
 */
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { AttemptBook } from './book.ts'
import type { Held } from './held.ts'
import { deskLimits } from './limits.ts'
import type { RunningStep } from './steps/executor.ts'

interface Start {
  readonly held: Held
  readonly name: string
  readonly step: RunningStep
  readonly startedAtMs: number
}

export class Starts {
  readonly #clock: Clock
  readonly #book: Pick<AttemptBook, 'started'>
  #latest: Start[] = []
  /** They have run for so long at least. */
  #older: Start[] = []
  #timer: Timer | undefined

  constructor(clock: Clock, book: Pick<AttemptBook, 'started'>) {
    this.#clock = clock
    this.#book = book
  }

  add(held: Held, name: string, step: RunningStep): void {
    this.#latest.push({ held, name, step, startedAtMs: this.#clock.wall() })
    this.#plan()
  }

  /** All of them, now: the agent stops. */
  writeAll(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const starts = [...this.#older, ...this.#latest]
    this.#older = []
    this.#latest = []
    for (const start of starts) this.#write(start)
  }

  #plan(): void {
    this.#timer ??= this.#clock.after(deskLimits.startedWaitMs, () => {
      this.#timer = undefined
      const due = this.#older
      this.#older = this.#latest
      this.#latest = []
      for (const start of due) this.#write(start)
      if (this.#older.length > 0) this.#plan()
    })
  }

  #write({ held, name, step, startedAtMs }: Start): void {
    if (held.stage !== 'begun') return
    const { trace } = step
    if (trace !== undefined) this.#book.started(name, { startedAtMs, trace })
  }
}
