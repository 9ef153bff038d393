/**
 * Rows of a tree's nodes by their steps of each feature: with those below each quantile four counts a
 * cell, and half a million of them in a round of trees. They hold a host's loop up until all are there,
 * so the four are held in one number and go up by one addition, one feature after the other.
 */
import { assert } from '../../../protocol/assert.ts'
import { levels } from '../../rows.ts'
import { cellCounts } from './questions.ts'

/** What four counts in one number are multiplied by; and so many rows less one may be in it. */
const base = 2 ** 13
assert(base ** cellCounts <= 2 ** 53, 'the counts of a cell must fit into one number')
const rowsAtOnce = base - 1

/** Rows that are in one of the nodes. */
export interface RowsInNodes {
  /** Which rows. */
  readonly rows: Int32Array
  /** Of each, where the cells of its node begin. */
  readonly cells: Int32Array
  /** Of each, what it adds to a cell. */
  readonly worth: Float64Array
}

/** What a row adds to a cell: itself, and each quantile that it is below. */
export const worthOfRow = 1
export const worthBelow: readonly number[] = levels.map((_, k) => base ** (k + 1))

/** `steps` and `lengths`: of each feature, the step of every row, and how many of its steps are counted. */
export function cellCountsOf(
  { rows, cells, worth }: RowsInNodes,
  count: number,
  steps: readonly Uint8Array[],
  lengths: readonly number[],
): Int32Array {
  const counts = new Int32Array(cellCounts * count)
  const sums = new Float64Array(count)
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    const to = Math.min(rows.length, from + rowsAtOnce)
    for (let i = from; i < to; i++) {
      const cell = cells[i] as number
      sums[cell] = (sums[cell] as number) + (worth[i] as number)
    }
    // The first cell of a node is all of its rows.
    let at = 1
    for (const [feature, length] of lengths.entries()) {
      const of = steps[feature] as Uint8Array
      for (let i = from; i < to; i++) {
        const step = of[rows[i] as number] as number
        if (step >= length) continue
        const cell = (cells[i] as number) + at + step
        sums[cell] = (sums[cell] as number) + (worth[i] as number)
      }
      at += length
    }
    takeApart(sums, counts)
  }
  return counts
}

/** Counts of each cell go up by what is in its sum, which is nothing again then. */
function takeApart(sums: Float64Array, counts: Int32Array): void {
  for (let cell = 0; cell < sums.length; cell++) {
    let rest = sums[cell] as number
    for (let k = 0; rest > 0; k++) {
      const higher = Math.floor(rest / base)
      counts[cellCounts * cell + k] =
        (counts[cellCounts * cell + k] as number) + rest - higher * base
      rest = higher
    }
  }
  sums.fill(0)
}
