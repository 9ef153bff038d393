/**
 * How rows repeat each other: those of a placement are each stage on each host, so that what is known
 * of a stage stands in as many rows as there are hosts, one after the other, and what is known of a
 * host comes again with each stage. Found by looking: rows that have nothing in common are said to.
 */

export interface Repeats {
  /** Rows of a block; a whole number of blocks are all rows. */
  readonly width: number
  /** Columns that are the same in all rows of a block. */
  readonly held: readonly number[]
  /** Columns that are the same at the same place of each block. */
  readonly cycled: readonly number[]
  /** The others. */
  readonly loose: readonly number[]
}

/**
 * Of rows as the bits that they are: the same bits are the same number, also where that is none. What
 * is found in the first of them may not hold for the others; there are `rows` in all.
 */
export function repeatsIn(bits: Int32Array, features: number, rows: number): Repeats {
  const runs = runsOf(bits, features)
  const width = usualRun(runs, rows)
  const isHeld = (column: number) => (runs[column] as number) % width === 0
  const isCycled = (column: number) => width < rows && comesAgain(bits, features, column, width)
  const [held, cycled, loose]: [number[], number[], number[]] = [[], [], []]
  for (let column = 0; column < features; column++) {
    if (isHeld(column)) held.push(column)
    else if (isCycled(column)) cycled.push(column)
    else loose.push(column)
  }
  return { width, held, cycled, loose }
}

/**
 * Of each column the greatest length that all its runs of one value begin at a multiple of; 0 where
 * there is one run.
 */
function runsOf(bits: Int32Array, features: number): Int32Array {
  const count = bits.length / features
  const runs = new Int32Array(features)
  let open = openIn(runs)
  for (let row = 1; row < count && open.length > 0; row++) {
    const at = row * features
    if (isAsBefore(bits, at, features, open)) continue
    let isShut = false
    for (let column = 0; column < features; column++) {
      if (bits[at + column] === bits[at + column - features]) continue
      const run = commonDivisor(runs[column] as number, row)
      isShut ||= run === 1 && runs[column] !== 1
      runs[column] = run
    }
    if (isShut) open = openIn(runs)
  }
  return runs
}

/** Where columns with runs of more than one row begin and end, one after the other. */
function openIn(runs: Int32Array): Int32Array {
  const edges: number[] = []
  for (let column = 0; column <= runs.length; column++) {
    const isOpen = column < runs.length && runs[column] !== 1
    if (isOpen !== (edges.length % 2 === 1)) edges.push(column)
  }
  return Int32Array.from(edges)
}

/** Most rows of a placement are, so this is what takes time: without a choice for each column. */
function isAsBefore(bits: Int32Array, at: number, features: number, open: Int32Array): boolean {
  let changed = 0
  for (let i = 0; i < open.length; i += 2) {
    const end = at + (open[i + 1] as number)
    for (let own = at + (open[i] as number); own < end; own++) {
      changed |= (bits[own] as number) ^ (bits[own - features] as number)
    }
  }
  return changed === 0
}

/** The one that most columns have; of all that change with each row, there is one block. */
function usualRun(runs: Int32Array, rows: number): number {
  const times = new Map<number, number>()
  let [usual, most] = [rows, 0]
  for (const run of runs) {
    if (run <= 1 || rows % run !== 0) continue
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
