/**
 * Who is believed: what is plain, until a model says better of what was held back, and again when it
 * stops doing so. Decided by application where enough is known of it, and again with each attempt
 * that ends; all of them go on learning, whoever is believed. What is said is made so wide that it
 * holds as often as it should.
 */
import { answersOf } from '../evaluation/ask.ts'
import { byTime } from '../evaluation/splits.ts'
import type { Reach } from '../features/passes.ts'
import type { Living, LivingLearner, Question, Range, Row } from '../rows.ts'
import { Jury } from './jury.ts'

/** What each of the learners said to one question. */
export type Said = readonly (Range | undefined)[]

export class Chosen implements LivingLearner {
  readonly name = 'chosen'
  readonly #learners: readonly LivingLearner[]

  constructor(plain: LivingLearner, models: readonly LivingLearner[]) {
    this.#learners = [plain, ...models]
  }

  /** Each learns twice: of what came first, to be judged by what came then, and of all. */
  async fit(rows: readonly Row[]): Promise<ChosenLiving> {
    const succeeded = rows.filter(({ ended }) => ended === 'succeeded')
    const { known, held } = byTime(succeeded)
    const trials: Record<Reach, Said[]> = { far: [], near: [] }
    for (const learner of this.#learners) {
      const tried = await learner.fit(known)
      trials.far.push(await answersOf(tried, held, 'once'))
      trials.near.push(await answersOf(tried, held, 'living'))
    }
    const names = this.#learners.map(({ name }) => name)
    const [far, near] = [new Jury(names, held, trials.far), new Jury(names, held, trials.near)]
    const all: Living[] = []
    for (const learner of this.#learners) all.push(await learner.fit(succeeded))
    return new ChosenLiving(all, far, near)
  }
}

interface Remembered {
  readonly reach: Reach
  readonly said: Said
}

export class ChosenLiving implements Living {
  readonly #all: readonly Living[]
  readonly #far: Jury
  readonly #near: Jury
  #reach: Reach = 'far'
  /** Goes with the question. */
  readonly #said = new WeakMap<Question, Remembered>()

  constructor(all: readonly Living[], far: Jury, near: Jury) {
    this.#all = all
    this.#far = far
    this.#near = near
  }

  /** Who is believed of this application now. */
  believed(group: string): string {
    return this.#jury.believed(group)
  }

  async predict(questions: readonly Question[]): Promise<readonly (Range | undefined)[]> {
    const answers = await Promise.all(this.#all.map((learner) => learner.predict(questions)))
    return questions.map((question, i) => {
      const said = answers.map((ranges) => ranges[i])
      this.#said.set(question, { reach: this.#reach, said })
      return this.#jury.verdict(question.group, said)
    })
  }

  tell(rows: readonly Row[], asked: readonly (Question | undefined)[] = []): void {
    this.#reach = 'near'
    for (const [i, row] of rows.entries()) {
      const question = asked[i]
      const before = question && this.#said.get(question)
      if (before?.reach === 'near' && row.ended === 'succeeded') this.#near.learn(row, before.said)
    }
    for (const learner of this.#all) learner.tell(rows, asked)
  }

  get #jury(): Jury {
    return this.#reach === 'far' ? this.#far : this.#near
  }
}
