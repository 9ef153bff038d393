/**
 * Boosted trees that learn by how much what was guessed from history is off. Two forests: one for
 * what begins now, and one for what lies far ahead (`features/passes.ts`). Who is told nothing after
 * it has learned is asked of what lies ahead.
 */
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Living, LivingLearner, Question, Reach, Row } from '../rows.ts'
import { Grown } from './grown.ts'
import { treeLimits as limits } from './limits.ts'

export class TreeLearner implements LivingLearner {
  readonly name = 'boosted trees'
  readonly #entropy: Entropy

  constructor(entropy: Entropy) {
    this.#entropy = entropy
  }

  fit(rows: readonly Row[], reach?: Reach): Promise<Living> {
    const known = rows.filter(({ ended }) => ended === 'succeeded').slice(-limits.rowsMax)
    if (reach !== undefined) return Promise.resolve(new Grown(this.#entropy, known, reach))
    const far = new Grown(this.#entropy, known, 'far')
    return Promise.resolve(new Trees(far, new Grown(this.#entropy, known, 'near')))
  }
}

class Trees implements Living {
  readonly #near: Grown
  /** Until it is told of something. */
  #far: Grown | undefined

  constructor(far: Grown, near: Grown) {
    this.#far = far
    this.#near = near
  }

  predict(questions: readonly Question[]) {
    return (this.#far ?? this.#near).predict(questions)
  }

  tell(rows: readonly Row[], asked?: readonly (Question | undefined)[]): void {
    this.#far = undefined
    this.#near.tell(rows, asked)
  }
}
