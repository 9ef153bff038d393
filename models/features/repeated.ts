/**
 * Times of a task on the very same inputs: as many bytes in as many files. Work is done again far more
 * often than it is done on inputs that only look the same, and what it took then says more than all
 * that the task took on others. It is kept longer than these (`memory.ts`): a run of a thousand stages
 * would push out all of the run before it. In natural logarithms of milliseconds.
 */
import { median } from '../measures/quantiles.ts'
import type { Question } from '../rows.ts'
import { featureLimits as limits } from './limits.ts'

export class Repeated {
  readonly #times: number[] = []
  #middle: number | undefined
  /** All that there ever were. */
  count = 0

  add(time: number): void {
    if (this.#times.length === limits.repeatsKept) this.#times.shift()
    this.#times.push(time)
    this.#middle = undefined
    this.count++
  }

  /** There is at least one. */
  get middle(): number {
    this.#middle ??= median(this.#times)
    return this.#middle
  }

  /** From the shortest to the longest. */
  get spread(): number {
    return Math.max(...this.#times) - Math.min(...this.#times)
  }
}

/** Undefined where nobody knows how large the inputs are: then nothing is known to be the same. */
export function inputsKey({ task, inputBytes, inputFiles }: Question): string | undefined {
  return inputBytes === undefined ? undefined : `${inputBytes} ${inputFiles ?? ''} ${task}`
}
