/**
 * What anybody would say without a model. Each says nothing of a task that it has not seen, and has
 * a range of its own: what it would have needed to be right in eight of ten cases.
 */
import { quantile } from '../measures/quantiles.ts'
import type { Living, LivingLearner, Question, Range, Row } from '../rows.ts'
import { Line } from './line.ts'
import { SortedWindow } from './sorted-window.ts'

export interface Rule {
  tell(row: Row): void
  say(question: Question): Range | undefined
}

/** Rows of a task that are kept, the latest. */
const KEPT = 1_024
/** Of these, a spread is more than chance. */
const SPREAD_FROM = 5

export class RuleLearner implements LivingLearner {
  readonly name: string
  readonly #make: () => Rule

  constructor(name: string, make: () => Rule) {
    this.name = name
    this.#make = make
  }

  fit(rows: readonly Row[]): Promise<Living> {
    const rule = this.#make()
    const tell = (told: readonly Row[]) => {
      for (const row of told) if (row.ended === 'succeeded') rule.tell(row)
    }
    tell(rows)
    const predict = (questions: readonly Question[]) =>
      Promise.resolve(questions.map((question) => rule.say(question)))
    return Promise.resolve({ tell, predict })
  }
}

export function baselines(): readonly LivingLearner[] {
  return [
    new RuleLearner('task median', () => new TaskMedian()),
    new RuleLearner('linear in size', () => new LinearInSize()),
    new RuleLearner('last value', () => new LastValue()),
  ]
}

export class TaskMedian implements Rule {
  readonly #tasks = new Map<string, SortedWindow>()

  tell({ task, startedMs, endedMs }: Row): void {
    windowOf(this.#tasks, task).add(endedMs - startedMs)
  }

  say({ task }: Question): Range | undefined {
    const times = this.#tasks.get(task)?.sorted
    if (times === undefined) return undefined
    const at = (level: number) => quantile(times, level)
    return { p10: at(0.1), p50: at(0.5), p90: at(0.9), n: times.length }
  }
}

/** A straight line through time and bytes of the inputs; the median where no line can be drawn. */
export class LinearInSize implements Rule {
  readonly #lines = new Map<string, Line>()
  readonly #median = new TaskMedian()

  tell(row: Row): void {
    this.#median.tell(row)
    if (row.inputBytes === undefined) return
    const line = this.#lines.get(row.task) ?? new Line(KEPT)
    this.#lines.set(row.task, line)
    line.add(row.inputBytes, row.endedMs - row.startedMs)
  }

  say(question: Question): Range | undefined {
    const fitted = this.#lines.get(question.task)?.fitted()
    if (fitted === undefined || question.inputBytes === undefined) return this.#median.say(question)
    const { slope, intercept, least, residuals } = fitted
    const middle = intercept + slope * question.inputBytes
    // No line goes below the least that was seen.
    const at = (level: number) => Math.max(least, middle + quantile(residuals, level))
    return { p10: at(0.1), p50: Math.max(least, middle), p90: at(0.9), n: residuals.length }
  }
}

export class LastValue implements Rule {
  readonly #last = new Map<string, number>()
  /** Of each time to the one before it. */
  readonly #ratios = new Map<string, SortedWindow>()

  tell({ task, startedMs, endedMs }: Row): void {
    const ms = endedMs - startedMs
    const before = this.#last.get(task)
    if (before !== undefined)
      windowOf(this.#ratios, task).add(Math.max(1, ms) / Math.max(1, before))
    this.#last.set(task, ms)
  }

  say({ task }: Question): Range | undefined {
    const ms = this.#last.get(task)
    if (ms === undefined) return undefined
    const ratios = this.#ratios.get(task)?.sorted ?? []
    const at = (level: number) => (ratios.length < SPREAD_FROM ? 1 : quantile(ratios, level))
    return { p10: ms * Math.min(1, at(0.1)), p50: ms, p90: ms * Math.max(1, at(0.9)), n: 1 }
  }
}

function windowOf(windows: Map<string, SortedWindow>, key: string): SortedWindow {
  const window = windows.get(key) ?? new SortedWindow(KEPT)
  windows.set(key, window)
  return window
}
