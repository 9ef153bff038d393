/** Figures as they may come out, drawn from a range; the same seed draws the same. */
import type { Range } from '../rows.ts'

/** Evenly between 0 and 1, neither of them (mulberry32). */
export class Draws {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296 + 1 / 8_589_934_592
  }
}

/** Where a tenth of a normal distribution lies beyond. */
const TENTH = 1.2815515655446004
/** What is told as nothing took something: logarithms need it. */
const LEAST = 0.5

/**
 * The figure below which that share lies. The range is taken for two halves of log-normal
 * distributions that meet in the middle: times have a long end above, and none below nothing.
 */
export function figureAt({ p10, p50, p90 }: Range, share: number): number {
  const middle = Math.max(LEAST, p50)
  const z = normalAt(share)
  const other = z < 0 ? Math.max(LEAST, p10) : Math.max(LEAST, p90)
  const spread = z < 0 ? Math.log(middle / other) : Math.log(other / middle)
  return middle * Math.exp((z / TENTH) * spread)
}

const HALVINGS = 30

/** The share that lies below a figure. */
export function shareBelow(range: Range, figure: number): number {
  let low = 0
  let high = 1
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2
    if (figureAt(range, middle) < figure) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Quantiles of the normal distribution to four digits, which is more than any range is worth. */
function normalAt(share: number): number {
  const tail = Math.min(share, 1 - share)
  if (tail < 1e-9) return share < 0.5 ? -6 : 6
  // Abramowitz and Stegun, 26.2.23.
  const t = Math.sqrt(-2 * Math.log(tail))
  const above = 2.515517 + t * (0.802853 + t * 0.010328)
  const below = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308))
  const z = t - above / below
  return share < 0.5 ? -z : z
}
