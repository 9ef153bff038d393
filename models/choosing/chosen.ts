/**
 * Who is believed: what is plain, until a model says better of what was held back, and again when it
 * stops doing so. Decided by application where enough is known of it, and again with each attempt
 * that ends; all of them go on learning, whoever is believed. What they say together is one more to
 * believe (`together.ts`). What is said is made so wide that it holds as often as it should.
 */
import { answersOf } from '../evaluation/ask.ts'
import { byTime, early, type Split } from '../evaluation/splits.ts'
import type { Living, LivingLearner, Question, Range, Reach, Row } from '../rows.ts'
import { Jury } from './jury.ts'
import { TOGETHER, together, withTogether } from './together.ts'

/**
 * Shares of history that are split for a trial of what lies far ahead: what comes after a line is one
 * case of many, whatever the number of its attempts.
 */
const FAR_TRIALS = [0.5, 0.75, 1] as const

/** What each of the learners said to one question, and all of them together. */
export type Said = readonly (Range | undefined)[]

export class Chosen implements LivingLearner {
  readonly name = 'chosen'
  readonly #learners: readonly LivingLearner[]

  constructor(plain: LivingLearner, models: readonly LivingLearner[]) {
    this.#learners = [plain, ...models]
  }

  /** Each learns of what came first, to be judged by what came then, and at last of all. */
  async fit(rows: readonly Row[]): Promise<ChosenLiving> {
    const succeeded = rows.filter(({ ended }) => ended === 'succeeded')
    const near = await this.#jury([byTime(succeeded)], 'near')
    const far = await this.#jury(
      FAR_TRIALS.map((share) => byTime(early(succeeded, share))),
      'far',
    )
    const all: Living[] = []
    for (const learner of this.#learners) all.push(await learner.fit(succeeded))
    return new ChosenLiving(all, far, near)
  }

  async #jury(splits: readonly Split[], reach: Reach): Promise<Jury> {
    const trials: Said[] = []
    for (const learner of this.#learners) {
      const said: Said[] = []
      for (const { known, held } of splits) {
        const tried = await learner.fit(known, reach)
        said.push(await answersOf(tried, held, reach === 'near' ? 'living' : 'once'))
      }
      trials.push(said.flat())
    }
    const held = splits.flatMap((split) => split.held)
    trials.push(held.map((_, i) => together(trials.map((said) => said[i]))))
    const names = this.#learners.map(({ name }) => name)
    return new Jury([...names, TOGETHER], held, trials)
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
      const said = withTogether(answers.map((ranges) => ranges[i]))
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
