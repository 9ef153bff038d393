/**
 * What learns of what begins now apart from what lies far ahead (`passes.ts`), as one learner. Who is
 * told nothing after it has learned is asked of what lies ahead.
 */
import type { Living, Question, Reach, Row } from '../rows.ts'

/** One that has learned for each reach, or for the one that is said. */
export async function inReaches(
  learned: (reach: Reach) => Promise<Living>,
  reach: Reach | undefined,
): Promise<Living> {
  if (reach !== undefined) return learned(reach)
  const far = await learned('far')
  return new FarThenNear(far, await learned('near'))
}

class FarThenNear implements Living {
  /** Until it is told of something. */
  #far: Living | undefined
  readonly #near: Living

  constructor(far: Living, near: Living) {
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
