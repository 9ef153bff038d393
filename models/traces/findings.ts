/** What is wrong with a trace: each with its place, and what to do about it. */
import { type Path, pathText } from '../../protocol/workflow/mistake.ts'
import { traceLimits as limits } from './limits.ts'

export interface TraceMistake {
  /** `workflow.specification.tasks[3].id`, or `line 2, column 7`; empty for the whole. */
  readonly place: string
  /** Clauses without a full stop. */
  readonly why: string
  readonly fix: string
}

export interface Refused {
  readonly ok: false
  /** At least one, and no more than the limit. */
  readonly mistakes: readonly TraceMistake[]
  /** Those beyond it. */
  readonly more: number
}

export function refused(place: string, why: string, fix: string): Refused {
  return { ok: false, mistakes: [{ place, why, fix }], more: 0 }
}

export class Findings {
  private readonly mistakes: TraceMistake[] = []
  private more = 0

  add(path: Path, why: string, fix: string): void {
    if (this.isFull) this.more++
    else this.mistakes.push({ place: pathText(path), why, fix })
  }

  get isEmpty(): boolean {
    return this.mistakes.length === 0
  }

  /** No more will be told. */
  get isFull(): boolean {
    return this.mistakes.length >= limits.mistakesMax
  }

  refusal(): Refused {
    return { ok: false, mistakes: this.mistakes, more: this.more }
  }
}
