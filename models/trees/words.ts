/**
 * A forest as words of bits (QuickScorer, Lucchese et al., SIGIR 2015). Leaves of a tree, from left to
 * right, are the bits of a word from the highest on. A branch that a row goes right at takes away the
 * leaves on its left, and the first bit that is left is the leaf where the row ends, whatever order
 * the branches are looked at in.
 */
import type { Forest, Tree } from '../forest.ts'

/** Leaves of a tree, at most: one bit of a word each. */
const LEAVES_MAX = 32
const FIRST_BIT = 0x80000000

/** Trees are in the order of their outputs, those of an output as they were. */
export interface Words {
  readonly trees: number
  /** Of each output, where its trees begin; at the end, how many there are. */
  readonly first: Int32Array
  /** Of each tree `stride` values, those of its leaves before others that mean nothing. */
  readonly leaves: Float32Array
  readonly stride: number
  /** Of each feature, where its branches begin; at the end, how many there are. */
  readonly start: Int32Array
  /** Of each branch: at most this goes left. Those of a feature are in this order. */
  readonly threshold: Float32Array
  readonly tree: Int32Array
  /** What it leaves to whoever goes right. */
  readonly mask: Int32Array
}

interface Branch {
  readonly feature: number
  readonly threshold: number
  readonly tree: number
  readonly mask: number
}

/** Undefined where a tree has more leaves than a word has bits, or thresholds that are no number. */
export function wordsOf({ features, base, trees }: Forest): Words | undefined {
  const isFit = (tree: Tree) =>
    leavesIn(tree) <= LEAVES_MAX && !tree.threshold.some((threshold) => Number.isNaN(threshold))
  if (!trees.every(isFit)) return undefined
  const ordered = trees.toSorted((a, b) => a.output - b.output)
  const stride = ordered.reduce((most, tree) => Math.max(most, leavesIn(tree)), 1)
  const leaves = new Float32Array(ordered.length * stride)
  const branches = ordered.flatMap((tree, number) => {
    return branchesOf(tree, number, leaves.subarray(number * stride, (number + 1) * stride))
  })
  branches.sort((a, b) => a.feature - b.feature || a.threshold - b.threshold)
  return {
    trees: ordered.length,
    first: beginnings(ordered, base.length, ({ output }) => output),
    leaves,
    stride,
    start: beginnings(branches, features, ({ feature }) => feature),
    threshold: Float32Array.from(branches, ({ threshold }) => threshold),
    tree: Int32Array.from(branches, ({ tree }) => tree),
    mask: Int32Array.from(branches, ({ mask }) => mask),
  }
}

function leavesIn({ feature }: Tree): number {
  return feature.reduce((count, of) => count + (of < 0 ? 1 : 0), 0)
}

/** Puts the values of its leaves down, from left to right. */
function branchesOf(tree: Tree, number: number, leaves: Float32Array): Branch[] {
  const branches: Branch[] = []
  let next = 0
  const visit = (node: number): void => {
    const feature = tree.feature[node] as number
    if (feature < 0) {
      leaves[next++] = tree.value[node] as number
      return
    }
    const before = next
    visit(tree.left[node] as number)
    let mask = -1
    for (let leaf = before; leaf < next; leaf++) mask &= ~(FIRST_BIT >>> leaf)
    branches.push({ feature, threshold: tree.threshold[node] as number, tree: number, mask })
    visit(tree.right[node] as number)
  }
  visit(0)
  return branches
}

/** Of things that are ordered by a number below `count`: where those of each number begin. */
function beginnings<T>(things: readonly T[], count: number, numberOf: (thing: T) => number) {
  const start = new Int32Array(count + 1)
  for (const thing of things) {
    const after = numberOf(thing) + 1
    start[after] = (start[after] as number) + 1
  }
  for (let i = 1; i <= count; i++) start[i] = (start[i] as number) + (start[i - 1] as number)
  return start
}
