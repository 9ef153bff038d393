/**
 * Experience as models are taught by it, and asked: of each attempt its features, and the logarithm of
 * the ratio of its time to what was guessed. It goes on to gather, whatever the model has learned.
 */
import { logOf } from '../measures/duration.ts'
import type { Question, Range, Reach, Row } from '../rows.ts'
import { Experience, type View } from './experience.ts'
import { featuresOf } from './features.ts'
import { goThrough } from './passes.ts'

/** Of those rows that there was ground to speak of, one for each. */
export interface Lessons {
  readonly features: readonly Float32Array[]
  readonly targets: readonly number[]
}

/** Of what there is ground to speak of. */
export interface Asked {
  readonly view: View
  readonly features: Float32Array
}

export class Gathered {
  readonly #experience = new Experience()
  /** What was thought before it began. Goes with the question. */
  readonly #views = new WeakMap<Question, View>()

  /** `rows` in the order of their ends, all of them succeeded. */
  learn(rows: readonly Row[], reach: Reach): Lessons {
    const features: Float32Array[] = []
    const targets: number[] = []
    goThrough(this.#experience, rows, reach, (row, view) => {
      if (!view.hasGround) return
      features.push(featuresOf(this.#experience, view))
      targets.push(logOf(row.endedMs - row.startedMs) - view.guess)
    })
    return { features, targets }
  }

  ask(question: Question): Asked | undefined {
    const view = this.#experience.consider(question)
    this.#views.set(question, view)
    return view.hasGround ? { view, features: featuresOf(this.#experience, view) } : undefined
  }

  /** As a `Living` is told. */
  tell(rows: readonly Row[], asked: readonly (Question | undefined)[] = []): void {
    for (const [i, row] of rows.entries()) {
      const question = asked[i]
      if (row.ended === 'succeeded') {
        this.#experience.tell(row, question && this.#views.get(question))
      }
    }
  }
}

/** `logs`: the three figures, natural logarithms of milliseconds. */
export function rangeOf({ own, like, group }: View, logs: ArrayLike<number>): Range {
  const at = (place: number) => Math.exp(logs[place] as number)
  return { p10: at(0), p50: at(1), p90: at(2), n: (own ?? like ?? group)?.memory.count ?? 0 }
}
