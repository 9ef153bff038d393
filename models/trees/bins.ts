/** Features cut into steps, so that a tree looks at each step once and not at each value. */
import { treeLimits as limits } from './limits.ts'

export interface Binned {
  readonly rows: number
  /** By feature, then row: in which step. */
  readonly steps: readonly Uint8Array[]
  /** By feature: the greatest value of each step but the last. */
  readonly edges: readonly Float32Array[]
}

export function binned(rows: readonly Float32Array[], features: number): Binned {
  const steps: Uint8Array[] = []
  const edges: Float32Array[] = []
  const column = new Float32Array(rows.length)
  for (let feature = 0; feature < features; feature++) {
    for (const [i, row] of rows.entries()) column[i] = row[feature] as number
    const cuts = edgesOf(column)
    edges.push(cuts)
    steps.push(Uint8Array.from(column, (value) => stepOf(cuts, value)))
  }
  return { rows: rows.length, steps, edges }
}

/** Of as many values each, as far as values differ. */
function edgesOf(column: Float32Array): Float32Array {
  const sorted = column.toSorted()
  const edges: number[] = []
  const last = sorted[sorted.length - 1] as number
  for (let step = 1; step < limits.binsMax; step++) {
    const edge = sorted[Math.floor((step * sorted.length) / limits.binsMax)] as number
    if (edge !== edges.at(-1) && edge < last) edges.push(edge)
  }
  return Float32Array.from(edges)
}

/** The first whose greatest value is not less. */
export function stepOf(edges: Float32Array, value: number): number {
  let low = 0
  let high = edges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((edges[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}
