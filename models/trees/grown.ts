/** A forest together with the experience that it was grown on, and goes on to gather. */
import { type Entropy, shuffle } from '../../protocol/ports/entropy.ts'
import { Gathered, rangeOf } from '../features/gathered.ts'
import { type Forest, sumOf } from '../forest.ts'
import { type Living, levels, type Question, type Range, type Reach, type Row } from '../rows.ts'
import { boosted } from './boost.ts'
import { treeLimits as limits } from './limits.ts'

export class Grown implements Living {
  readonly #gathered = new Gathered()
  readonly #forest: Forest | undefined

  /** `rows` in the order of their ends, all of them succeeded. */
  constructor(entropy: Entropy, rows: readonly Row[], reach: Reach) {
    const { features, targets } = this.#gathered.learn(rows, reach)
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

  tell(rows: readonly Row[], asked?: readonly (Question | undefined)[]): void {
    this.#gathered.tell(rows, asked)
  }

  #say(question: Question): Range | undefined {
    const asked = this.#gathered.ask(question)
    if (this.#forest === undefined || asked === undefined) return undefined
    const sums = sumOf(this.#forest, asked.features).sort()
    return rangeOf(
      asked.view,
      sums.map((sum) => sum + asked.view.guess),
    )
  }
}
