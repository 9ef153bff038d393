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
const lastOfTask = 256
/** So many rows count as much as knowing nothing. */
const doubt = { host: 30, task: 4, level: 20, spread: 50, spreadOfTask: 30 } as const
/**
 * Of one task, what the model takes to be alike, in natural logarithms: other sizes, or another load,
 * are off by something else, and what a model says of them is the shortest word for what they are.
 */
const levelWidth = 0.5
const stretchMax = 4
const least = 1e-3

export interface Correction {
  corrected(task: string, told: Told): Told
}

/** `rows`: in the order of their ends. */
export function correctionOf(rows: readonly OwnRow[]): Correction {
  const shiftOf = shiftsOf(rows)
  const below = stretchesOf(rows, shiftOf, 0)
  const above = stretchesOf(rows, shiftOf, 2)
  return {
    corrected: (task, told) => {
      const half = told[1] + shiftOf(task, told)
      return [half - below(task) * gap(told, 0), half, half + above(task) * gap(told, 2)]
    },
  }
}

type ShiftOf = (task: string, told: Told) => number

/** By how much all is off; by how much more each task is; and by how much more than that each level of it. */
function shiftsOf(rows: readonly OwnRow[]): ShiftOf {
  const ofAll = shrunk(
    rows.map(({ target, told }) => target - told[1]),
    doubt.host,
  )
  const ofTasks = shrunkBy(
    rows,
    (row) => row.task,
    (row) => row.target - row.told[1] - ofAll,
    doubt.task,
  )
  const ofTask = (task: string) => ofAll + (ofTasks.get(task) ?? 0)
  const ofLevels = shrunkBy(
    rows,
    ({ task, told }) => levelOf(task, told),
    ({ task, told, target }) => target - told[1] - ofTask(task),
    doubt.level,
  )
  return (task, told) => ofTask(task) + (ofLevels.get(levelOf(task, told)) ?? 0)
}

function levelOf(task: string, told: Told): string {
  return `${Math.round(told[1] / levelWidth)} ${task}`
}

function shrunkBy(
  rows: readonly OwnRow[],
  keyOf: (row: OwnRow) => string,
  offBy: (row: OwnRow) => number,
  doubted: number,
): Map<string, number> {
  const groups = Map.groupBy(rows, keyOf)
  return new Map(
    [...groups].map(([key, of]) => [key, shrunk(of.slice(-lastOfTask).map(offBy), doubted)]),
  )
}

/** How much wider or narrower on that side: for each task by itself, as far as enough of it was seen. */
function stretchesOf(
  rows: readonly OwnRow[],
  shiftOf: ShiftOf,
  side: 0 | 2,
): (task: string) => number {
  const sign = side === 0 ? -1 : 1
  const farOf = ({ task, told, target }: OwnRow) =>
    (sign * (target - told[1] - shiftOf(task, told))) / gap(told, side)
  const ofAll = stretch(rows.map(farOf), 1, doubt.spread)
  const ofTasks = new Map(
    [...Map.groupBy(rows, ({ task }) => task)].map(([task, of]) => [
      task,
      stretch(of.slice(-lastOfTask).map(farOf), ofAll, doubt.spreadOfTask),
    ]),
  )
  return (task) => ofTasks.get(task) ?? ofAll
}

function gap(told: Told, of: 0 | 2): number {
  return Math.max(least, Math.abs(told[1] - told[of]))
}

function shrunk(values: readonly number[], doubted: number): number {
  if (values.length === 0) return 0
  return (quantile(values, 0.5) * values.length) / (values.length + doubted)
}

/** What makes nine of ten lie within, and `usual` while hardly anything is known. */
function stretch(values: readonly number[], usual: number, doubted: number): number {
  if (values.length === 0) return usual
  const seen = Math.min(stretchMax, Math.max(1 / stretchMax, quantile(values, 0.9)))
  return (seen * values.length + doubted * usual) / (values.length + doubted)
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number
}
