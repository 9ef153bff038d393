/** How far predicted chances are off, and whether what is said to happen in 7 of 10 cases does. */

export interface Chance {
  /** 0 to 1. */
  readonly said: number
  readonly happened: boolean
}

/** Mean of the squared distances (Brier 1950): 0 knows all, 0.25 is a coin. */
export function brier(chances: readonly Chance[]): number | undefined {
  if (chances.length === 0) return undefined
  const sum = chances.reduce((all, { said, happened }) => all + (said - Number(happened)) ** 2, 0)
  return sum / chances.length
}

export interface Reliability {
  readonly n: number
  /** Means of what was said, and of what happened. */
  readonly said: number
  readonly happened: number
}

/** Chances in steps of a tenth; those that nobody said are left out. */
export function reliability(chances: readonly Chance[]): readonly Reliability[] {
  const steps = Array.from({ length: 10 }, () => ({ n: 0, said: 0, happened: 0 }))
  for (const { said, happened } of chances) {
    const step = steps[Math.min(9, Math.floor(said * 10))]
    if (step === undefined) continue
    step.n++
    step.said += said
    step.happened += Number(happened)
  }
  return steps
    .filter(({ n }) => n > 0)
    .map(({ n, said, happened }) => ({ n, said: said / n, happened: happened / n }))
}
