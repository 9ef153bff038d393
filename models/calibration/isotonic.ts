/**
 * Chances that hold: from what was said and what happened, the steps that only rise and lie nearest
 * to it (pool adjacent violators). A chance is never made certain: each step counts as if one more
 * attempt had succeeded, and one more had failed.
 */
import type { Chance } from '../measures/chance.ts'

interface Step {
  /** Means of what was said. */
  said: number
  happened: number
  n: number
}

export class Isotonic {
  readonly #steps: readonly Step[]

  constructor(chances: readonly Chance[]) {
    const steps = chances.map(({ said, happened }) => ({ said, happened: Number(happened), n: 1 }))
    const doubted = rising(steps).map(({ said, happened, n }) => {
      return { said, happened: (happened * n + 1) / (n + 2), n: n + 2 }
    })
    // Doubt takes more from what few have shown, and may turn two steps round.
    this.#steps = rising(doubted)
  }

  /** Between two steps as far along as it lies between what was said there. */
  of(said: number): number {
    const steps = this.#steps
    const at = steps.findIndex((step) => step.said >= said)
    const above = steps[at < 0 ? steps.length - 1 : at]
    const below = steps[at < 0 ? steps.length - 1 : Math.max(0, at - 1)]
    if (above === undefined || below === undefined) return said
    if (above.said === below.said) return above.happened
    const along = (said - below.said) / (above.said - below.said)
    return below.happened + along * (above.happened - below.happened)
  }
}

function rising(unsorted: readonly Step[]): Step[] {
  const steps: Step[] = []
  for (const next of unsorted.toSorted((a, b) => a.said - b.said)) {
    let step = next
    for (let before = steps.at(-1); before !== undefined; before = steps.at(-1)) {
      if (before.happened < step.happened && before.said < step.said) break
      steps.pop()
      step = pooledStep(before, step)
    }
    steps.push(step)
  }
  return steps
}

function pooledStep(a: Step, b: Step): Step {
  const n = a.n + b.n
  return {
    said: (a.said * a.n + b.said * b.n) / n,
    happened: (a.happened * a.n + b.happened * b.n) / n,
    n,
  }
}
