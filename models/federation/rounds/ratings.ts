/**
 * What each host is worth to the others, worked out of games between two sums, as players are rated by
 * the games of their teams: by least squares, where games of long ago fade.
 */
import { assert } from '../../../protocol/assert.ts'
import { median } from '../../measures/quantiles.ts'

/** How much of an older game is left with each newer one: a hundred rounds halve it. */
const kept = 0.993
/** Before any game all are worth the same, and a few games change little. */
const doubt = 0.3
/** In standard deviations of what is known of a host: to be suspected, and to stay so. */
const clearly = 2.5
const still = 1.25
/** One game that is won by far says no more than so many that are won as is usual. */
const gameMax = 2
/** How much of what is usual comes of each game: by how much is won grows less as a model gets good. */
const usualShare = 0.1
/** So far do games stray that say nothing, in what is usual: less is not believed of few of them. */
const strayMin = 0.25

export class Ratings<Id extends string> {
  readonly #hosts: readonly Id[]
  /** Normal equations of all games: what hosts had to do with each other, and what came of it. */
  readonly #games: Float64Array[]
  readonly #outcomes: Float64Array
  #usual: number | undefined
  #squares = 0
  #count = 0

  constructor(hosts: readonly Id[]) {
    this.#hosts = hosts
    this.#games = hosts.map(() => new Float64Array(hosts.length))
    this.#outcomes = new Float64Array(hosts.length)
  }

  /**
   * `by`: by what share hosts were better off with the first; less than 0 where it lost, infinite
   * where nothing could come of one of both.
   */
  played(first: readonly Id[], second: readonly Id[], by: number): void {
    const outcome = this.#outcomeOf(by)
    if (outcome === undefined) return
    const side = this.#hosts.map((host) => {
      if (first.includes(host)) return 1 / first.length
      return second.includes(host) ? -1 / second.length : 0
    })
    for (const [i, row] of this.#games.entries()) {
      for (const [j, other] of side.entries()) {
        row[j] = kept * (row[j] as number) + (side[i] as number) * other
      }
      this.#outcomes[i] = kept * (this.#outcomes[i] as number) + (side[i] as number) * outcome
    }
    this.#squares = kept * this.#squares + outcome ** 2
    this.#count = kept * this.#count + 1
  }

  /** Who is worth much less than is usual, the worst first, and no more than so many. */
  suspects(before: ReadonlySet<Id>, most: number): ReadonlySet<Id> {
    const { worths, deviations } = this.#solved()
    const usual = median(worths)
    const below = this.#hosts
      .map((host, i) => ({
        host,
        far: (usual - (worths[i] as number)) / (deviations[i] as number),
      }))
      .filter(({ host, far }) => far > (before.has(host) ? still : clearly))
      .sort((a, b) => b.far - a.far)
    return new Set(below.slice(0, most).map(({ host }) => host))
  }

  /** In what is usual; undefined where a game says nothing. */
  #outcomeOf(by: number): number | undefined {
    if (!Number.isFinite(by)) return Math.sign(by) * gameMax
    this.#usual ??= Math.abs(by)
    this.#usual += usualShare * (Math.abs(by) - this.#usual)
    if (this.#usual === 0) return undefined
    return Math.min(gameMax, Math.max(-gameMax, by / this.#usual))
  }

  /** What each is worth, by how much hosts are better off with a sum that is of it alone. */
  #solved(): { worths: number[]; deviations: number[] } {
    const inverse = inverted(
      this.#games.map((row, i) => row.map((value, j) => value + (i === j ? doubt : 0))),
    )
    const worths = inverse.map((row) =>
      row.reduce((sum, value, j) => sum + value * (this.#outcomes[j] as number), 0),
    )
    const explained = worths.reduce((sum, one, i) => sum + one * (this.#outcomes[i] as number), 0)
    const stray = Math.max(strayMin ** 2, (this.#squares - explained) / Math.max(1, this.#count))
    return { worths, deviations: inverse.map((row, i) => Math.sqrt(stray * (row[i] as number))) }
  }
}

/** Of a matrix that is its own mirror image and positive: by Gauss and Jordan, with no turning of rows. */
function inverted(matrix: Float64Array[]): Float64Array[] {
  const size = matrix.length
  const inverse = matrix.map((_, i) =>
    Float64Array.from({ length: size }, (_, j) => Number(i === j)),
  )
  for (let column = 0; column < size; column++) {
    const [pivotRow, pivotInverse] = [matrix[column], inverse[column]] as [
      Float64Array,
      Float64Array,
    ]
    const pivot = pivotRow[column] as number
    assert(pivot > 0, 'what is known of hosts must be positive definite')
    for (const row of [pivotRow, pivotInverse])
      for (let j = 0; j < size; j++) row[j] = (row[j] as number) / pivot
    for (let i = 0; i < size; i++) {
      if (i === column) continue
      const factor = (matrix[i] as Float64Array)[column] as number
      subtract(matrix[i] as Float64Array, pivotRow, factor)
      subtract(inverse[i] as Float64Array, pivotInverse, factor)
    }
  }
  return inverse
}

function subtract(row: Float64Array, other: Float64Array, factor: number): void {
  for (let j = 0; j < row.length; j++) row[j] = (row[j] as number) - factor * (other[j] as number)
}
