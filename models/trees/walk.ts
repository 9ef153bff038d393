/**
 * A forest that is asked about many rows at once. What its branches on some features leave
 * (`words.ts`) is worked out once for all rows that have these alike (`repeats.ts`): of a placement
 * once for each stage and once for each host, and a stage on a host is one AND for each tree.
 *
 * The sums are those of the runtime to the last bit: floats of four bytes, tree after tree, and at the
 * end what the output starts from.
 */
import { assert } from '../../protocol/assert.ts'
import type { Forest } from '../forest.ts'
import { treeLimits as limits } from './limits.ts'
import { repeatsIn } from './repeats.ts'
import { type Words, wordsOf } from './words.ts'

/** Rows that are added up side by side, so that no sum waits for the one before it. */
const LANES = 4
const EVERY_LEAF = -1

/** What is left of each tree, for each place of a block; where all places are alike, for one. */
interface Places {
  readonly masks: Int32Array
  /** From a place to the next. */
  readonly step: number
  /** Columns that each row is to be looked at for. */
  readonly loose: Int32Array
}

export class ForestWalk {
  readonly features: number
  readonly outputs: number
  readonly #base: Float32Array
  readonly #words: Words
  /** What is left of each tree in the rows that are added up, where each was looked at. */
  readonly #lanes: Int32Array
  /** Of each lane, where its masks begin, and which row it is. */
  readonly #at = new Int32Array(LANES)
  readonly #row = new Int32Array(LANES)

  private constructor({ features, base }: Forest, words: Words) {
    this.features = features
    this.outputs = base.length
    this.#base = base
    this.#words = words
    this.#lanes = new Int32Array(LANES * words.trees)
  }

  /** Undefined where its trees do not fit into words. */
  static of(forest: Forest): ForestWalk | undefined {
    const words = wordsOf(forest)
    return words && new ForestWalk(forest, words)
  }

  /** For each row, each output. */
  told(rows: Float32Array): Float32Array {
    const count = rows.length / this.features
    assert(Number.isInteger(count), 'rows must have features', { numbers: rows.length })
    const told = new Float32Array(count * this.outputs)
    if (count === 0) return told
    const { width, held, cycled, loose } = repeatsIn(rows, this.features, this.#words.looked)
    const places = this.#placesOf(rows, width, cycled, loose)
    const shared = new Int32Array(this.#words.trees)
    for (let from = 0; from < count; from += width) {
      shared.fill(EVERY_LEAF)
      this.#narrow(shared, 0, rows, from, held)
      for (let place = 0; place < width; place += LANES) {
        for (let lane = 0; lane < LANES; lane++) {
          // Beyond the last one, that one again.
          this.#layOut(lane, rows, from, Math.min(place + lane, width - 1), places)
        }
        const masks = places.loose.length > 0 ? this.#lanes : places.masks
        this.#addUp(shared, masks, told)
      }
    }
    return told
  }

  #placesOf(rows: Float32Array, width: number, cycled: Int32Array, loose: Int32Array): Places {
    const { trees } = this.#words
    if (cycled.length === 0 || width * trees > limits.masksMax) {
      const masks = new Int32Array(trees).fill(EVERY_LEAF)
      return { masks, step: 0, loose: Int32Array.from([...cycled, ...loose]) }
    }
    const masks = new Int32Array(width * trees).fill(EVERY_LEAF)
    for (let place = 0; place < width; place++) {
      this.#narrow(masks, place * trees, rows, place, cycled)
    }
    return { masks, step: trees, loose }
  }

  #layOut(lane: number, rows: Float32Array, from: number, place: number, places: Places): void {
    const { masks, step, loose } = places
    const { trees } = this.#words
    this.#row[lane] = from + place
    this.#at[lane] = place * step
    if (loose.length === 0) return
    this.#at[lane] = lane * trees
    this.#lanes.set(masks.subarray(place * step, place * step + trees), lane * trees)
    this.#narrow(this.#lanes, lane * trees, rows, from + place, loose)
  }

  /** Takes away the leaves that a row does not come to, by what it is in these columns. */
  #narrow(
    masks: Int32Array,
    from: number,
    rows: Float32Array,
    row: number,
    columns: Int32Array,
  ): void {
    const { start, threshold, tree, mask } = this.#words
    const at = row * this.features
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i] as number
      const value = rows[at + column] as number
      const end = start[column + 1] as number
      // What is no number goes right everywhere.
      for (let b = start[column] as number; b < end && !(value <= (threshold[b] as number)); b++) {
        const of = from + (tree[b] as number)
        masks[of] = (masks[of] as number) & (mask[b] as number)
      }
    }
  }

  #addUp(shared: Int32Array, masks: Int32Array, told: Float32Array): void {
    const { first, leaves, stride } = this.#words
    const outputs = this.outputs
    const [a, b, c, d] = four(this.#at)
    const [rowA, rowB, rowC, rowD] = four(this.#row)
    let tree = 0
    let leaf = 0
    for (let output = 0; output < outputs; output++) {
      const end = first[output + 1] as number
      let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0]
      for (; tree < end; tree++) {
        const mask = shared[tree] as number
        const leafA = leaf + Math.clz32(mask & (masks[a + tree] as number))
        const leafB = leaf + Math.clz32(mask & (masks[b + tree] as number))
        const leafC = leaf + Math.clz32(mask & (masks[c + tree] as number))
        const leafD = leaf + Math.clz32(mask & (masks[d + tree] as number))
        sumA = Math.fround(sumA + (leaves[leafA] as number))
        sumB = Math.fround(sumB + (leaves[leafB] as number))
        sumC = Math.fround(sumC + (leaves[leafC] as number))
        sumD = Math.fround(sumD + (leaves[leafD] as number))
        leaf += stride
      }
      const base = this.#base[output] as number
      told[rowA * outputs + output] = sumA + base
      told[rowB * outputs + output] = sumB + base
      told[rowC * outputs + output] = sumC + base
      told[rowD * outputs + output] = sumD + base
    }
  }
}

function four(lanes: Int32Array): [number, number, number, number] {
  return [lanes[0] as number, lanes[1] as number, lanes[2] as number, lanes[3] as number]
}
