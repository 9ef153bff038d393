/**
 * Networks that learn by how much what was guessed from history is off, from the same features as
 * trees do, and as they do: one for what begins now, and one for what lies far ahead. Who is told
 * nothing after it has learned is asked of what lies ahead.
 */
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Engine } from '../engine.ts'
import type { Living, LivingLearner, Question, Reach, Row } from '../rows.ts'
import { Learned, learnerShape } from './learned.ts'
import { learnerLimits } from './limits.ts'
import { Net } from './net.ts'

export class NetLearner implements LivingLearner {
  readonly name = 'network'
  readonly #net: Net
  readonly #entropy: Entropy

  constructor(engine: Engine, entropy: Entropy) {
    this.#net = new Net(engine, learnerShape)
    this.#entropy = entropy
  }

  async fit(rows: readonly Row[], reach?: Reach): Promise<Living> {
    const known = rows.filter(({ ended }) => ended === 'succeeded').slice(-learnerLimits.rowsMax)
    const learned = (of: Reach) => Learned.from(this.#net, this.#entropy, known, of)
    if (reach !== undefined) return learned(reach)
    return new Networks(await learned('far'), await learned('near'))
  }
}

class Networks implements Living {
  readonly #near: Learned
  /** Until it is told of something. */
  #far: Learned | undefined

  constructor(far: Learned, near: Learned) {
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
