/**
 * Boosted trees that learn by how much what was guessed from history is off. Two forests: one for
 * what begins now, and one for what lies far ahead (`features/reaches.ts`).
 */
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { inReaches } from '../features/reaches.ts'
import type { Living, LivingLearner, Reach, Row } from '../rows.ts'
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
    const grown = (of: Reach) => Promise.resolve(new Grown(this.#entropy, known, of))
    return inReaches(grown, reach)
  }
}
