/**
 * How rows repeat each other: those of a placement are each stage on each host, so that what is known
 * of a stage stands in as many rows as there are hosts, one after the other, and what is known of a
 * host comes again with each stage. Found by looking: rows that have nothing in common are said to.
 */

export interface Repeats {
  /** Rows of a block; a whole number of blocks are all rows. */
  readonly width: number
  /** Columns that are the same in all rows of a block. */
  readonly held: Int32Array
  /** Columns that are the same at the same place of each block. */
  readonly cycled: Int32Array
  /** The others. */
  readonly loose: Int32Array
}

/** `columns`: those of `features` that are looked at. There is a row. */
export function repeatsIn(rows: Float32Array, features: number, columns: Int32Array): Repeats {
  const count = rows.length / features
  // The same bits are the same number, also where that is none.
  const bits = new Int32Array(rows.buffer, rows.byteOffset, rows.length)
  const runs = runsOf(bits, features, columns)
  const width = usualRun(columns, runs, count)
  const isHeld = (column: number) => (runs[column] as number) % width === 0
  const isCycled = (column: number) =>
    !isHeld(column) && width < count && comesAgain(bits, features, column, width)
  const held = columns.filter(isHeld)
  const cycled = columns.filter(isCycled)
  const known = new Set([...held, ...cycled])
  return { width, held, cycled, loose: columns.filter((column) => !known.has(column)) }
}

/** Of each column the greatest length that all its runs of one value begin at a multiple of. */
function runsOf(bits: Int32Array, features: number, columns: Int32Array): Int32Array {
  const count = bits.length / features
  const runs = new Int32Array(features).fill(count)
  /** Those that have runs of more than one row, so far. */
  const open = columns.slice()
  let left = open.length
  for (let row = 1; row < count && left > 0; row++) {
    const at = row * features
    if (isAsBefore(bits, at, features, open, left)) continue
    for (let i = left - 1; i >= 0; i--) {
      const column = open[i] as number
      if (bits[at + column] === bits[at + column - features]) continue
      const run = commonDivisor(runs[column] as number, row)
      runs[column] = run
      if (run === 1) open[i] = open[--left] as number
    }
  }
  return runs
}

/** Most rows of a placement are, so this is what takes time: without a choice for each column. */
function isAsBefore(
  bits: Int32Array,
  at: number,
  features: number,
  columns: Int32Array,
  count: number,
): boolean {
  const before = at - features
  let changed = 0
  for (let i = 0; i < count; i++) {
    const column = columns[i] as number
    changed |= (bits[at + column] as number) ^ (bits[before + column] as number)
  }
  return changed === 0
}

/** The one that most columns have; of all that change with each row, there is one block. */
function usualRun(columns: Int32Array, runs: Int32Array, count: number): number {
  const times = new Map<number, number>()
  let [usual, most] = [count, 0]
  for (const column of columns) {
    const run = runs[column] as number
    if (run === 1 || run === count) continue
    const often = (times.get(run) ?? 0) + 1
    times.set(run, often)
    if (often > most || (often === most && run > usual)) [usual, most] = [run, often]
  }
  return usual
}

function comesAgain(bits: Int32Array, features: number, column: number, width: number): boolean {
  const back = width * features
  for (let at = back + column; at < bits.length; at += features) {
    if (bits[at] !== bits[at - back]) return false
  }
  return true
}

function commonDivisor(a: number, b: number): number {
  while (b > 0) [a, b] = [b, a % b]
  return a
}
