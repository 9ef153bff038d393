/**
 * One host's part: it counts its own rows, and follows what is said of them as trees are added. What
 * leaves it are counts for a sum under masks, and in the open how far a forest is off on rows that are
 * held back.
 */
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { below } from '../../../protocol/ports/entropy.ts'
import { pinball } from '../../measures/duration.ts'
import { levels } from '../../rows.ts'
import type { Examples } from '../rounds/trainable.ts'
import { cellCountsOf, worthBelow, worthOfRow } from './cell-counts.ts'
import { type Cuts, type Stepped, steppedOf } from './cuts.ts'
import { treesLimits as limits } from './limits.ts'
import {
  type Asked,
  type AskedTree,
  cellsOf,
  countsIn,
  leafCounts,
  offCounts,
  offStepOf,
} from './questions.ts'
import { type Branches, type GrownTree, nodeOf } from './structure.ts'

/** Which of so many rows are counted for a tree. */
export type Drawing = (name: string, rows: number) => readonly number[]

/** By lot of its own: nobody else knows which. */
export function drawingBy(chance: Entropy, rowsMax: number): Drawing {
  return (name, rows) => {
    const lots = chance.stream(name)
    const count = Math.min(rowsMax, Math.ceil(rows * limits.rowShare))
    const order = Array.from({ length: rows }, (_, row) => row)
    for (let i = 0; i < count; i++) {
      const other = i + below(lots, rows - i)
      const held = order[i] as number
      order[i] = order[other] as number
      order[other] = held
    }
    return order.slice(0, count).sort((a, b) => a - b)
  }
}

function latestOf(rowsMax: number): Drawing {
  return (_, rows) => {
    const count = Math.min(rowsMax, rows)
    return Array.from({ length: count }, (_, i) => rows - count + i)
  }
}

/** Rows with what is said of them so far, three quantiles each. */
interface Followed {
  readonly rows: Stepped
  readonly said: Float32Array
}

export interface Counting {
  readonly cuts: Cuts
  /** What is said of all before there is a tree. */
  readonly start: readonly number[]
  readonly drawing: Drawing
  /** Rows that are counted for a tree, and as many that are held back. */
  readonly rowsMax: number
  /** Which of those that are held back are counted for a tree; without, the latest, each time the same. */
  readonly drawingHeld?: Drawing
}

export class CountingHost {
  readonly #cuts: Cuts
  readonly #drawing: Drawing
  readonly #drawingHeld: Drawing
  readonly #learned: Followed
  readonly #held: Followed
  readonly #start: readonly number[]
  /** By name, which rows are drawn: the same for all that is asked of a tree. */
  #drawn = { bag: 0, rows: new Map<string, readonly number[]>() }

  /** `held`: what is never learned from. */
  constructor(learned: Examples, held: Examples, how: Counting) {
    const { cuts, start, drawing, rowsMax, drawingHeld = latestOf(rowsMax) } = how
    this.#cuts = cuts
    this.#start = start
    this.#drawing = drawing
    this.#drawingHeld = drawingHeld
    this.#learned = followed(steppedOf(learned, cuts), start)
    this.#held = followed(steppedOf(held, cuts), start)
  }

  counts(asked: Asked): Int32Array {
    const counts = new Int32Array(countsIn(asked, this.#cuts))
    if (asked.bag !== this.#drawn.bag) this.#drawn = { bag: asked.bag, rows: new Map() }
    let at = 0
    for (const [t, tree] of asked.trees.entries()) {
      const name = `bag ${asked.bag} tree ${t}`
      const drawn = this.#rowsFor(name, this.#learned, this.#drawing)
      at =
        asked.about === 'cuts'
          ? this.#countCuts(counts, at, tree, drawn)
          : this.#countLeaves(counts, at, tree, asked.spread, [
              drawn,
              this.#rowsFor(`${name} held back`, this.#held, this.#drawingHeld),
            ])
    }
    return counts
  }

  #rowsFor(name: string, { rows }: Followed, drawing: Drawing): readonly number[] {
    const known = this.#drawn.rows.get(name)
    if (known !== undefined) return known
    const drawn = drawing(name, rows.rows)
    this.#drawn.rows.set(name, drawn)
    return drawn
  }

  /** How far quantiles are off with these trees, in the mean over what is held back. */
  loss(trees: readonly GrownTree[]): number {
    const { rows, said } = this.#held
    let sum = 0
    for (let row = 0; row < rows.rows; row++) {
      const told = said.slice(3 * row, 3 * row + 3)
      for (const tree of trees) add(told, 0, movesOf(tree, rows, row))
      for (const [k, level] of levels.entries()) {
        sum += pinball(level, told[k] as number, rows.targets[row] as number)
      }
    }
    return sum / rows.rows / levels.length
  }

  take(trees: readonly GrownTree[]): void {
    for (const { rows, said } of [this.#learned, this.#held]) {
      for (const tree of trees) {
        for (let row = 0; row < rows.rows; row++) add(said, 3 * row, movesOf(tree, rows, row))
      }
    }
  }

  beginAnew(): void {
    for (const { said } of [this.#learned, this.#held]) saySame(said, this.#start)
  }

  #countCuts(counts: Int32Array, from: number, tree: AskedTree, drawn: readonly number[]): number {
    const { rows, said } = this.#learned
    const ofNode = cellsOf(tree.features, this.#cuts)
    const starts = startsOf(tree, ofNode, 0)
    const inNodes = new Int32Array(drawn.length)
    const cells = new Int32Array(drawn.length)
    const worth = new Float64Array(drawn.length)
    let found = 0
    for (const row of drawn) {
      const start = starts.get(nodeOf(tree.branches, rows, row))
      if (start === undefined) continue
      inNodes[found] = row
      cells[found] = start
      let each = worthOfRow
      for (let k = 0; k < worthBelow.length; k++) {
        if (isBelow(rows, said, row, k)) each += worthBelow[k] as number
      }
      worth[found] = each
      found++
    }
    const of = {
      rows: inNodes.subarray(0, found),
      cells: cells.subarray(0, found),
      worth: worth.subarray(0, found),
    }
    const steps = tree.features.map((feature) => rows.steps[feature] as Uint8Array)
    const lengths = tree.features.map((feature) => (this.#cuts[feature] as Float32Array).length)
    const counted = cellCountsOf(of, tree.nodes.length * ofNode, steps, lengths)
    counts.set(counted, from)
    return from + counted.length
  }

  #countLeaves(
    counts: Int32Array,
    from: number,
    tree: AskedTree,
    spread: number,
    [drawn, drawnHeld]: readonly [readonly number[], readonly number[]],
  ): number {
    const starts = startsOf(tree, leafCounts, from)
    const count = ({ rows, said }: Followed, row: number, side: number) => {
      const start = starts.get(nodeOf(tree.branches, rows, row))
      if (start === undefined) return
      for (const k of levels.keys()) {
        const off = (rows.targets[row] as number) - (said[3 * row + k] as number)
        const at = start + side + k * limits.offSteps + offStepOf(off, spread)
        counts[at] = (counts[at] as number) + 1
      }
    }
    for (const row of drawn) count(this.#learned, row, 0)
    for (const row of drawnHeld) count(this.#held, row, offCounts)
    return from + tree.nodes.length * leafCounts
  }
}

function followed(rows: Stepped, start: readonly number[]): Followed {
  const said = new Float32Array(3 * rows.rows)
  saySame(said, start)
  return { rows, said }
}

function saySame(said: Float32Array, start: readonly number[]): void {
  for (let i = 0; i < said.length; i++) said[i] = start[i % 3] as number
}

function startsOf({ nodes }: AskedTree, each: number, from: number): ReadonlyMap<number, number> {
  return new Map(nodes.map((node, i) => [node, from + i * each]))
}

function isBelow({ targets }: Stepped, said: Float32Array, row: number, k: number): boolean {
  return (targets[row] as number) < (said[3 * row + k] as number)
}

function movesOf(tree: GrownTree, rows: Stepped, row: number): readonly number[] {
  return tree.leaves.get(nodeOf(tree.branches as Branches, rows, row)) as readonly number[]
}

function add(said: Float32Array, at: number, moves: readonly number[]): void {
  for (let k = 0; k < moves.length; k++)
    said[at + k] = (said[at + k] as number) + (moves[k] as number)
}
