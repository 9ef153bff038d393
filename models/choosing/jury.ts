/** Hears what each of several learners says, and how it ended: who is right, and how wide that must be. */
import { type Answer, Margins } from '../calibration/margins.ts'
import { logOf } from '../measures/duration.ts'
import type { Range, Row } from '../rows.ts'
import { Odds } from './odds.ts'

type Said = readonly (Range | undefined)[]

/** Answers of a learner that say how wide its ranges must be. */
const SPOKEN_MIN = 100

export class Jury {
  readonly #names: readonly string[]
  readonly #margins: readonly Margins[]
  readonly #odds: Odds

  /** `trials`: of each learner, what it said of each row. The first of them is the plain one. */
  constructor(names: readonly string[], held: readonly Row[], trials: readonly Said[]) {
    this.#names = names
    this.#odds = new Odds(names.length)
    for (const [i, row] of held.entries()) {
      this.#odds.judge(
        row,
        trials.map((said) => said[i]),
        'trial',
      )
    }
    this.#margins = trials.map((said, learner) => this.#marginsOf(learner, held, said))
  }

  believed(group: string): string {
    return this.#names[this.#odds.best(group)] as string
  }

  /** Who is believed and knows nothing leaves the word to who does. */
  verdict(group: string, said: Said): Range | undefined {
    const best = this.#odds.best(group)
    const order = [best, ...said.keys()]
    const who = order.find((learner) => said[learner] !== undefined)
    return who === undefined ? undefined : this.#wide(who, group, said[who] as Range)
  }

  learn(row: Row, said: Said): void {
    this.#odds.judge(row, said, 'life')
    for (const [learner, range] of said.entries()) {
      for (const answer of judged([row], [range])) this.#margins[learner]?.learn(answer)
    }
  }

  /** From the applications of which it is believed, where these are enough: only there it speaks. */
  #marginsOf(learner: number, held: readonly Row[], said: Said): Margins {
    const spoken = said.map((range, i) => {
      const { group } = held[i] as Row
      return this.#odds.best(group) === learner ? range : undefined
    })
    const answers = judged(held, spoken)
    return new Margins(answers.length >= SPOKEN_MIN ? answers : judged(held, said))
  }

  #wide(learner: number, group: string, range: Range): Range {
    const answer = (this.#margins[learner] as Margins).applied(answerOf(group, range))
    return { ...range, p10: Math.exp(answer.low), p90: Math.exp(answer.high) }
  }
}

function answerOf(group: string, { p10, p50, p90 }: Range): Answer {
  return { group, low: logOf(p10), middle: logOf(p50), high: logOf(p90) }
}

function judged(held: readonly Row[], said: Said) {
  return held.flatMap(({ group, startedMs, endedMs }, i) => {
    const range = said[i]
    return range ? [{ ...answerOf(group, range), actual: logOf(endedMs - startedMs) }] : []
  })
}
