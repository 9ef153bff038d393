/**
 * What several learners say, as one: of each figure the middle one, in logarithms. Those that learn in
 * different ways err in different places, so that the middle is often less wrong than whoever was the
 * least wrong before; and one that is far off does not move it. It is judged beside them.
 */
import { logOf } from '../measures/duration.ts'
import { median } from '../measures/quantiles.ts'
import type { Range } from '../rows.ts'

export const TOGETHER = 'together'

/** Of those that say something; undefined where none does. */
export function together(said: readonly (Range | undefined)[]): Range | undefined {
  const told = said.filter((range) => range !== undefined)
  const [first] = told
  if (first === undefined || told.length === 1) return first
  const middle = (of: (range: Range) => number) =>
    Math.exp(median(told.map((range) => logOf(of(range)))))
  return {
    p10: middle(({ p10 }) => p10),
    p50: middle(({ p50 }) => p50),
    p90: middle(({ p90 }) => p90),
    n: Math.max(...told.map(({ n }) => n)),
  }
}

/** The learners in their order, and after them what they say together. */
export function withTogether(said: readonly (Range | undefined)[]): (Range | undefined)[] {
  return [...said, together(said)]
}
