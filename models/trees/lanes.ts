/**
 * A forest, and some of the rows that it is asked about side by side, in the memory of its kernel. Of
 * each tree the leaves that are left are kept twice: as they are where rows begin, and as they are for
 * those that are added up.
 */
import { BRANCH_BYTES, type Kernel, kernelWith, LANES, MASKS_BYTES } from './kernel.ts'
import type { Words } from './words.ts'

const NUMBER_BYTES = 4
const EVERY_LEAF = -1

/** Where each is, in bytes. */
interface Places {
  readonly values: number
  readonly sums: number
  readonly begun: number
  readonly narrowed: number
  readonly shared: number
  readonly fixed: number
  readonly leaves: number
  readonly branches: number
  readonly end: number
}

export class Lanes {
  /** Of each tree, what is left in all rows that are added up. */
  readonly shared: Int32Array
  /** Of each row, one output. */
  readonly sums: Float32Array
  readonly #words: Words
  readonly #places: Places
  readonly #kernel: Kernel
  readonly #values: Float32Array
  readonly #begun: Int32Array
  readonly #narrowed: Int32Array
  readonly #fixed: Int32Array
  /** Of the rows, with those that fill up the last four of them. */
  #bytes = 0
  /** The masks of the rows that are added up. */
  #masks = 0

  constructor(words: Words) {
    const { trees, leaves } = words
    const places = placesOf(words)
    this.#words = words
    this.#places = places
    this.#kernel = kernelWith(places.end)
    const { buffer } = this.#kernel.memory
    this.#values = new Float32Array(buffer, places.values, LANES)
    this.sums = new Float32Array(buffer, places.sums, LANES)
    this.#begun = new Int32Array(buffer, places.begun, trees * LANES)
    this.#narrowed = new Int32Array(buffer, places.narrowed, trees * LANES)
    this.shared = new Int32Array(buffer, places.shared, trees)
    this.#fixed = new Int32Array(buffer, places.fixed, trees)
    new Float32Array(buffer, places.leaves, leaves.length).set(leaves)
    this.#putBranches(new DataView(buffer, places.branches))
  }

  /** Rows that begin from now on differ from each other in these columns alone. */
  vary(own: readonly number[]): void {
    const { start, tree, mask } = this.#words
    this.#fixed.fill(EVERY_LEAF)
    for (const column of own) {
      const end = start[column + 1] as number
      for (let b = start[column] as number; b < end; b++) {
        const of = tree[b] as number
        this.#fixed[of] = (this.#fixed[of] as number) & (mask[b] as number)
      }
    }
  }

  /** So many rows, of which nothing is known yet. */
  begin(count: number): void {
    this.#bytes = Math.ceil(count / 4) * 4 * NUMBER_BYTES
    this.#begun.fill(EVERY_LEAF)
    this.#masks = this.#places.begun
  }

  /** What follows holds until it is said again: behind that, the rows are as they were here. */
  again(): void {
    this.#narrowed.set(this.#begun)
    this.#masks = this.#places.narrowed
  }

  /** Where the value of each row is to be put before `narrow`. */
  get values(): Float32Array {
    return this.#values.subarray(0, this.#bytes / NUMBER_BYTES)
  }

  /** Takes away the leaves that rows do not come to, by what they are in this column. */
  narrow(column: number): void {
    const { start } = this.#words
    const { branches, values } = this.#places
    const [from, end] = [start[column] as number, start[column + 1] as number]
    if (from === end) return
    const at = (branch: number) => branches + branch * BRANCH_BYTES
    this.#kernel.narrow(at(from), at(end), values, this.#masks, this.#bytes)
  }

  addUp(output: number): void {
    const { first, stride } = this.#words
    const { shared, fixed, leaves, sums } = this.#places
    const [from, end] = [first[output] as number, first[output + 1] as number]
    this.sums.fill(0)
    if (from === end) return
    this.#kernel.addUp(
      shared + from * NUMBER_BYTES,
      shared + end * NUMBER_BYTES,
      fixed + from * NUMBER_BYTES,
      this.#masks + from * MASKS_BYTES,
      leaves + from * stride * NUMBER_BYTES,
      stride * NUMBER_BYTES,
      sums,
      this.#bytes,
    )
  }

  #putBranches(view: DataView): void {
    const { threshold, tree, mask } = this.#words
    for (let b = 0; b < threshold.length; b++) {
      const at = b * BRANCH_BYTES
      view.setFloat32(at, threshold[b] as number, true)
      view.setInt32(at + 4, (tree[b] as number) * MASKS_BYTES, true)
      view.setInt32(at + 8, mask[b] as number, true)
    }
  }
}

function placesOf({ trees, leaves, threshold }: Words): Places {
  let end = 0
  const placed = (bytes: number) => {
    const from = end
    end += bytes
    return from
  }
  // What is read four at a time first, and so at a multiple of that.
  const places = {
    values: placed(MASKS_BYTES),
    sums: placed(MASKS_BYTES),
    begun: placed(trees * MASKS_BYTES),
    narrowed: placed(trees * MASKS_BYTES),
    shared: placed(trees * NUMBER_BYTES),
    fixed: placed(trees * NUMBER_BYTES),
    leaves: placed(leaves.byteLength),
    branches: placed(threshold.length * BRANCH_BYTES),
  }
  return { ...places, end }
}
