/**
 * Networks that learn by how much what was guessed from history is off, from the same features as
 * trees do, and as they do: one for what begins now, and one for what lies far ahead.
 */
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Engine } from '../engine.ts'
import { inReaches } from '../features/reaches.ts'
import type { Living, LivingLearner, Reach, Row } from '../rows.ts'
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

  fit(rows: readonly Row[], reach?: Reach): Promise<Living> {
    const known = rows.filter(({ ended }) => ended === 'succeeded').slice(-learnerLimits.rowsMax)
    const learned = (of: Reach) => Learned.from(this.#net, this.#entropy, known, of)
    return inReaches(learned, reach)
  }
}
