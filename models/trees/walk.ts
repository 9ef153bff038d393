/**
 * A forest that is asked about many rows at once. What its branches on some features leave
 * (`words.ts`) is worked out once for all rows that have these alike (`../folded.ts`): of a placement
 * once for each stage and once for each host, and a stage on a host is one AND for each tree, of which
 * most end at one leaf on all hosts.
 *
 * The sums are those of the runtime to the last bit: floats of four bytes, tree after tree, and at the
 * end what the output starts from.
 */
import { assert } from '../../protocol/assert.ts'
import type { Folded } from '../folded.ts'
import type { Forest } from '../forest.ts'
import { LANES } from './kernel.ts'
import { Lanes } from './lanes.ts'
import { type Words, wordsOf } from './words.ts'

const EVERY_LEAF = -1

export class ForestWalk {
  readonly features: number
  readonly outputs: number
  readonly #base: Float32Array
  readonly #words: Words
  readonly #lanes: Lanes

  private constructor({ features, base }: Forest, words: Words) {
    this.features = features
    this.outputs = base.length
    this.#base = base
    this.#words = words
    this.#lanes = new Lanes(words)
  }

  /** Undefined where its trees do not fit into words. */
  static of(forest: Forest): ForestWalk | undefined {
    const words = wordsOf(forest)
    return words && new ForestWalk(forest, words)
  }

  /** For each row, each output. */
  told(rows: Folded): Float32Array {
    const { rows: count, width, held, cycled, loose, ofPlaces, ofRows } = rows
    assert(rows.features === this.features, 'rows must have features', { features: rows.features })
    const told = new Float32Array(count * this.outputs)
    const lanes = this.#lanes
    lanes.vary([...cycled, ...loose])
    // At the same places of all blocks.
    for (let place = 0; place < width; place += LANES) {
      const most = Math.min(LANES, width - place)
      lanes.begin(most)
      this.#narrow(cycled, ofPlaces, width, place, most)
      for (let from = 0, block = 0; from < count; from += width, block++) {
        this.#share(held, rows.ofBlocks, block * held.length)
        if (loose.length > 0) {
          lanes.again()
          this.#narrow(loose, ofRows, count, from + place, most)
        }
        this.#addUp(told, from + place, most)
      }
    }
    return told
  }

  /** Each of the columns has `step` values, of which `count` from `first` on are those of the rows. */
  #narrow(
    columns: readonly number[],
    from: Float32Array,
    step: number,
    first: number,
    count: number,
  ): void {
    const { values } = this.#lanes
    for (const [i, column] of columns.entries()) {
      const own = i * step + first
      for (let lane = 0; lane < values.length; lane++) {
        // Beyond the last row, that one again.
        values[lane] = from[own + Math.min(lane, count - 1)] as number
      }
      this.#lanes.narrow(column)
    }
  }

  /** What is left of each tree in all rows of a block; what it is in these columns begins at `at`. */
  #share(columns: readonly number[], ofBlocks: Float32Array, at: number): void {
    const { start, threshold, tree, mask } = this.#words
    const { shared } = this.#lanes
    shared.fill(EVERY_LEAF)
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i] as number
      const value = ofBlocks[at + i] as number
      const end = start[column + 1] as number
      // What is no number goes right everywhere.
      for (let b = start[column] as number; b < end && !(value <= (threshold[b] as number)); b++) {
        const of = tree[b] as number
        shared[of] = (shared[of] as number) & (mask[b] as number)
      }
    }
  }

  #addUp(told: Float32Array, from: number, count: number): void {
    const { outputs } = this
    const { sums } = this.#lanes
    for (let output = 0; output < outputs; output++) {
      this.#lanes.addUp(output)
      const base = this.#base[output] as number
      for (let lane = 0; lane < count; lane++) {
        told[(from + lane) * outputs + output] = (sums[lane] as number) + base
      }
    }
  }
}
