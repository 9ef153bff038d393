/**
 * What is done for each row of a forest, as WebAssembly: four rows at a time, and with sums of floats
 * of four bytes, of which JavaScript has none. All addresses are in bytes.
 */
import {
  and,
  andFour,
  type Code,
  eitherOf,
  gathered,
  get,
  isAtMost,
  isBelow,
  leadingZeros,
  load,
  loadAlike,
  loadFour,
  moduleOf,
  number,
  orFour,
  plus,
  plusFour,
  type Routine,
  repeated,
  set,
  shiftedLeft,
  shiftedRight,
  storeFour,
  tee,
} from './instructions.ts'

interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** As much of it as is used here: types of Node have none of it. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  Instance: new (module: object) => { readonly exports: unknown }
}

export interface Kernel {
  readonly memory: Memory
  /**
   * Has each branch from `branch` to `end` take leaves away from the rows that go right at it. It is
   * its threshold, how far from `masks` those of its tree are, and what it leaves. There is one.
   */
  narrow(branch: number, end: number, values: number, masks: number, bytes: number): void
  /**
   * Adds to sums what trees say. Of each tree a word from `word` to `end` says what is left in all
   * rows, one from `fixed` what no row takes away, and `masks` what is left in each. There is one.
   */
  addUp(
    word: number,
    end: number,
    fixed: number,
    masks: number,
    leaves: number,
    leavesBytes: number,
    sums: number,
    bytes: number,
  ): void
}

/** Rows that lie side by side: masks, values and sums. */
export const LANES = 64
/** From the masks of a tree to those of the next. */
export const MASKS_BYTES = 4 * LANES
export const BRANCH_BYTES = 12
export const PAGE_BYTES = 1 << 16
/** Four rows. */
const STEP = 16
const HIGHEST_BIT = -(2 ** 31)
/** By number: what a routine takes, and behind it what it keeps. */
const locals = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const

/** With memory for so many bytes. */
export function kernelWith(bytes: number): Kernel {
  const { exports } = new WebAssembly.Instance(compiled())
  const kernel = exports as Kernel
  const missing = Math.ceil(bytes / PAGE_BYTES) - kernel.memory.buffer.byteLength / PAGE_BYTES
  if (missing > 0) kernel.memory.grow(missing)
  return kernel
}

let module: object | undefined
function compiled(): object {
  module ??= new WebAssembly.Module(moduleOf([narrow(), addUp()]))
  return module
}

/** `at` steps through the rows. */
function eachStep(at: number, bytes: Code, body: Code): Code {
  return [
    ...set(at, number(0)),
    ...repeated(body, isBelow(tee(at, plus(get(at), number(STEP))), bytes)),
  ]
}

function advanced(local: number, by: Code): Code {
  return set(local, plus(get(local), by))
}

function narrow(): Routine {
  const [branch, end, values, masks, bytes, at, own, threshold, left] = locals
  const of = plus(get(own), get(at))
  // What is no number goes right everywhere.
  const goesLeft = isAtMost(loadFour(plus(get(values), get(at))), get(threshold))
  const step = storeFour(of, andFour(loadFour(of), orFour(goesLeft, get(left))))
  const each = [
    ...set(threshold, loadAlike(get(branch))),
    ...set(own, plus(get(masks), load(get(branch), 4))),
    ...set(left, loadAlike(get(branch), 8)),
    ...eachStep(at, get(bytes), step),
  ]
  const next = isBelow(tee(branch, plus(get(branch), number(BRANCH_BYTES))), get(end))
  return {
    name: 'narrow',
    takes: 5,
    keeps: ['i32', 'i32', 'v128', 'v128'],
    code: repeated(each, next),
  }
}

function addUp(): Routine {
  const [word, end, fixed, masks, leaves, leavesBytes, sums, bytes, at, left, value] = locals
  const leafOf = (mask: Code) => plus(get(leaves), shiftedLeft(leadingZeros(mask), number(2)))
  const add = (leaf: Code) => {
    const sum = plus(get(sums), get(at))
    return eachStep(at, get(bytes), storeFour(sum, plusFour(loadFour(sum), leaf)))
  }
  const maskOf = (lane: number) => and(get(left), load(plus(get(masks), get(at)), 4 * lane))
  const own = ([0, 1, 2, 3] as const).map((lane) => leafOf(maskOf(lane)))
  const first = shiftedRight(number(HIGHEST_BIT), leadingZeros(get(left)))
  const each = [
    ...set(left, load(get(word))),
    // The first leaf that is left in all rows is that of each, if no row takes it away.
    ...eitherOf(
      and(first, load(get(fixed))),
      [...set(value, loadAlike(leafOf(get(left)))), ...add(get(value))],
      add(gathered(own as [Code, Code, Code, Code])),
    ),
    ...advanced(fixed, number(4)),
    ...advanced(masks, number(MASKS_BYTES)),
    ...advanced(leaves, get(leavesBytes)),
  ]
  const next = isBelow(tee(word, plus(get(word), number(4))), get(end))
  return { name: 'addUp', takes: 8, keeps: ['i32', 'i32', 'v128'], code: repeated(each, next) }
}
