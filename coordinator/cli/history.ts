/** A node's past as sparklines, as wide as the terminal allows. */
import type { HistoryPoint } from '../api/schemas.ts'
import { ABSENT, bytes, percent, rate, sparkline } from './figures.ts'

const NAME_CELLS = 11
const SPARK_CELLS_MAX = 60
const SPARK_CELLS_MIN = 10
/** ` min 1.5 GiB mean 1.5 GiB max 1.5 GiB`, and what is said where that does not fit. */
const RANGE_CELLS = 44
const MAX_CELLS = 18

interface Figure {
  name: string
  value: (point: HistoryPoint) => number | undefined
  shown: (value: number) => string
  /** The top of the scale; without it, the greatest value. */
  max?: number
}

const figures: readonly Figure[] = [
  { name: 'cpu', value: ({ cpu }) => cpu, shown: (value) => percent(value), max: 1 },
  { name: 'memory', value: ({ memoryUsedBytes }) => memoryUsedBytes, shown: bytes },
  { name: 'net in', value: (point) => point.receivedBytesPerSecond, shown: rate },
  { name: 'net out', value: (point) => point.sentBytesPerSecond, shown: rate },
  { name: 'agent cpu', value: ({ agentCpu }) => agentCpu, shown: (value) => percent(value, 2) },
]

export function historyLines(
  history: readonly HistoryPoint[],
  minutes: number,
  columnsOfTerminal: number,
): string[] {
  const endMs = history.at(-1)?.atMs
  if (endMs === undefined || minutes === 0) return []
  const room = columnsOfTerminal - NAME_CELLS
  const whole = room >= SPARK_CELLS_MIN + RANGE_CELLS
  const forSpark = room - (whole ? RANGE_CELLS : MAX_CELLS)
  const cells = Math.max(SPARK_CELLS_MIN, Math.min(SPARK_CELLS_MAX, forSpark))
  const lines = figures.map(({ name, value, shown, max }) => {
    const known = history.map(value).filter((each) => each !== undefined)
    if (known.length === 0) return `${name.padEnd(NAME_CELLS)}${ABSENT}`
    const drawn = sparkline(meansOver(cells, history, endMs, minutes, value), max)
    return `${name.padEnd(NAME_CELLS)}${drawn}  ${whole ? rangeOf(known, shown) : `max ${shown(Math.max(...known))}`}`
  })
  return ['', `last ${minutes} minutes`, ...lines]
}

function rangeOf(known: readonly number[], shown: (value: number) => string): string {
  const mean = known.reduce((sum, each) => sum + each, 0) / known.length
  return `min ${shown(Math.min(...known))} mean ${shown(mean)} max ${shown(Math.max(...known))}`
}

/** Means over equal spans of time; a span without a point is a gap. */
function meansOver(
  cells: number,
  history: readonly HistoryPoint[],
  endMs: number,
  minutes: number,
  value: (point: HistoryPoint) => number | undefined,
): (number | undefined)[] {
  const spanMs = (minutes * 60_000) / cells
  const sums = new Array<number>(cells).fill(0)
  const counts = new Array<number>(cells).fill(0)
  for (const point of history) {
    const cell = cells - 1 - Math.floor((endMs - point.atMs) / spanMs)
    const figure = value(point)
    if (cell < 0 || cell >= cells || figure === undefined) continue
    sums[cell] = (sums[cell] as number) + figure
    counts[cell] = (counts[cell] as number) + 1
  }
  return sums.map((sum, i) => ((counts[i] as number) > 0 ? sum / (counts[i] as number) : undefined))
}
