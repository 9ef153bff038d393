/**
 * A host's own correction on top of the common model: by how much its own attempts lie off from what
 * the model says, for all and for each task, and how much wider or narrower they are spread. It is
 * made of the host's own rows and stays there. Few rows change little: what is seen is shrunk
 * towards nothing, by as much as there is little of it.
 */

export interface OwnRow {
  readonly task: string
  /** Logarithms, as the model tells them: what it was, and the three quantiles that were told. */
  readonly target: number
  readonly told: Told
}

export type Told = readonly [tenth: number, half: number, nineTenths: number]

/** What is long ago is no longer how things are. */
const lastOfTask = 64
/** So many rows count as much as knowing nothing. */
const doubt = { host: 30, task: 4, spread: 50 } as const
const stretchMax = 4
const least = 1e-3

export interface Correction {
  corrected(task: string, told: Told): Told
}

/** `rows`: in the order of their ends. */
export function correctionOf(rows: readonly OwnRow[]): Correction {
  const ofAll = shrunk(
    rows.map(({ target, told }) => target - told[1]),
    doubt.host,
  )
  const shifts = new Map<string, number>()
  for (const [task, of] of Map.groupBy(rows, (row) => row.task)) {
    const offs = of.slice(-lastOfTask).map(({ target, told }) => target - told[1] - ofAll)
    shifts.set(task, ofAll + shrunk(offs, doubt.task))
  }
  const shiftOf = (task: string) => shifts.get(task) ?? ofAll
  const below = stretch(
    rows.map((row) => (row.told[1] + shiftOf(row.task) - row.target) / gap(row.told, 0)),
  )
  const above = stretch(
    rows.map((row) => (row.target - row.told[1] - shiftOf(row.task)) / gap(row.told, 2)),
  )
  return {
    corrected: (task, told) => {
      const half = told[1] + shiftOf(task)
      return [half - below * gap(told, 0), half, half + above * gap(told, 2)]
    },
  }
}

function gap(told: Told, of: 0 | 2): number {
  return Math.max(least, Math.abs(told[1] - told[of]))
}

function shrunk(values: readonly number[], doubted: number): number {
  if (values.length === 0) return 0
  return (quantile(values, 0.5) * values.length) / (values.length + doubted)
}

/** What makes nine of ten lie within, and 1 while hardly anything is known. */
function stretch(values: readonly number[]): number {
  if (values.length === 0) return 1
  const seen = Math.min(stretchMax, Math.max(1 / stretchMax, quantile(values, 0.9)))
  return (seen * values.length + doubt.spread) / (values.length + doubt.spread)
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number
}
