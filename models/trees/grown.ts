/** A forest together with the experience that it was grown on, and goes on to gather. */
import { type Entropy, shuffle } from '../../protocol/ports/entropy.ts'
import { Experience, type View } from '../features/experience.ts'
import { featuresOf } from '../features/features.ts'
import { goThrough } from '../features/passes.ts'
import { type Forest, sumOf } from '../forest.ts'
import { logOf } from '../measures/duration.ts'
import { type Living, levels, type Question, type Range, type Reach, type Row } from '../rows.ts'
import { boosted } from './boost.ts'
import { treeLimits as limits } from './limits.ts'

export class Grown implements Living {
  readonly #experience = new Experience()
  readonly #forest: Forest | undefined
  /** What was thought before it began. Goes with the question. */
  readonly #views = new WeakMap<Question, View>()

  /** `rows` in the order of their ends, all of them succeeded. */
  constructor(entropy: Entropy, rows: readonly Row[], reach: Reach) {
    const features: Float32Array[] = []
    const targets: number[] = []
    goThrough(this.#experience, rows, reach, (row, view) => {
      if (!view.hasGround) return
      features.push(featuresOf(this.#experience, view))
      targets.push(logOf(row.endedMs - row.startedMs) - view.guess)
    })
    if (features.length < limits.rowsMin) return
    const chance = entropy.stream(reach)
    const some = shuffle(chance, [...targets.keys()]).slice(0, limits.grownRowsMax)
    this.#forest = boosted(
      chance,
      some.map((i) => features[i] as Float32Array),
      Float32Array.from(some, (i) => targets[i] as number),
      levels,
    )
  }

  predict(questions: readonly Question[]): Promise<readonly (Range | undefined)[]> {
    return Promise.resolve(questions.map((question) => this.#say(question)))
  }

  tell(rows: readonly Row[], asked: readonly (Question | undefined)[] = []): void {
    for (const [i, row] of rows.entries()) {
      const question = asked[i]
      if (row.ended === 'succeeded') {
        this.#experience.tell(row, question && this.#views.get(question))
      }
    }
  }

  #say(question: Question): Range | undefined {
    const view = this.#experience.consider(question)
    this.#views.set(question, view)
    if (this.#forest === undefined || !view.hasGround) return undefined
    const sums = sumOf(this.#forest, featuresOf(this.#experience, view))
    const [low, middle, high] = sums.sort().map((sum) => sum + view.guess) as unknown as [
      number,
      number,
      number,
    ]
    return {
      p10: Math.exp(low),
      p50: Math.exp(middle),
      p90: Math.exp(high),
      n: (view.own ?? view.like ?? view.group)?.memory.count ?? 0,
    }
  }
}
