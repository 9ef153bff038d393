/**
 * The nodes of `OrderedMap`: a B+ tree whose nodes are copied before they are changed, unless they
 * were made in the same edit.
 *
 * Arrays of keys are never changed in place, so that a copy of a node shares them with the original.
 *
 * Invariants: keys ascend; every leaf is equally deep; `size` counts the entries below; a branch
 * has one key fewer than children, and `keys[i]` is above everything in `children[i]` and not above
 * anything in `children[i + 1]`. Sizes stay between `widthMin` and `widthMax`, but for the root and,
 * after a load from sorted entries, the last nodes of each level.
 */

/** Wide enough to be shallow (four levels for a million), narrow enough to copy a path cheaply. */
export const widthMax = 32
const widthMin = widthMax / 4

/** Marks the nodes that one edit has made and may change in place. */
export class Owner {}

export interface Leaf<V> {
  readonly owner: Owner
  readonly leaf: true
  keys: readonly string[]
  values: V[]
  readonly children: undefined
  size: number
}

export interface Branch<V> {
  readonly owner: Owner
  readonly leaf: false
  keys: readonly string[]
  readonly values: undefined
  children: Node<V>[]
  size: number
}

export type Node<V> = Leaf<V> | Branch<V>

export function leafOf<V>(owner: Owner, keys: readonly string[], values: V[]): Leaf<V> {
  return { owner, leaf: true, keys, values, children: undefined, size: keys.length }
}

export function branchOf<V>(owner: Owner, keys: readonly string[], children: Node<V>[]): Branch<V> {
  let size = 0
  for (const child of children) size += child.size
  return { owner, leaf: false, keys, values: undefined, children, size }
}

/** How many keys are below `key`: in a leaf, where it is or would be. */
export function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}

/** The child of a branch in which `key` is, if anywhere. */
export function childAt(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] as string) <= key) low = middle + 1
    else high = middle
  }
  return low
}

/** A leaf that this edit may change: itself, or a copy. */
export function ownedLeaf<V>(node: Leaf<V>, owner: Owner): Leaf<V> {
  return node.owner === owner ? node : leafOf(owner, node.keys, node.values.slice())
}

export function ownedBranch<V>(node: Branch<V>, owner: Owner): Branch<V> {
  if (node.owner === owner) return node
  const { keys, children, size } = node
  return { owner, leaf: false, keys, values: undefined, children: children.slice(), size }
}

/** A copy with one more. By hand: `slice` and `splice` take three times as long (measured). */
export function withInserted<T>(items: readonly T[], at: number, item: T): T[] {
  const length = items.length
  const copy = new Array<T>(length + 1)
  for (let i = 0; i < at; i++) copy[i] = items[i] as T
  copy[at] = item
  for (let i = at; i < length; i++) copy[i + 1] = items[i] as T
  return copy
}

export function without<T>(items: readonly T[], at: number): T[] {
  const length = items.length - 1
  const copy = new Array<T>(length)
  for (let i = 0; i < at; i++) copy[i] = items[i] as T
  for (let i = at; i < length; i++) copy[i] = items[i + 1] as T
  return copy
}

/** What became of a node that was too full. */
export interface Halves<V> {
  left: Node<V>
  right: Node<V>
  /** Above everything at the left, and not above anything at the right. */
  separator: string
}

/** Cuts an overfull node in two. */
export function split<V>(node: Node<V>, owner: Owner): Halves<V> {
  const width = node.leaf ? node.keys.length : node.children.length
  const cut = width >>> 1
  const { keys } = node
  if (node.leaf) {
    const right = leafOf(owner, keys.slice(cut), node.values.slice(cut))
    const left = leafOf(owner, keys.slice(0, cut), node.values.slice(0, cut))
    return { left, right, separator: keys[cut] as string }
  }
  const right = branchOf(owner, keys.slice(cut), node.children.slice(cut))
  const left = branchOf(owner, keys.slice(0, cut - 1), node.children.slice(0, cut))
  return { left, right, separator: keys[cut - 1] as string }
}

/** Joins a child that has become too small with a neighbour, or shares out what both have. */
export function mend<V>(parent: Branch<V>, at: number, owner: Owner): void {
  const child = parent.children[at] as Node<V>
  const width = child.leaf ? child.keys.length : child.children.length
  if (width >= widthMin || parent.children.length === 1) return
  const leftAt = at > 0 ? at - 1 : 0
  const left = parent.children[leftAt] as Node<V>
  const right = parent.children[leftAt + 1] as Node<V>
  const joined = join(left, right, parent.keys[leftAt] as string, owner)
  const total = joined.leaf ? joined.keys.length : joined.children.length
  if (total <= widthMax) {
    parent.children.splice(leftAt, 2, joined)
    parent.keys = without(parent.keys, leftAt)
    return
  }
  const halves = split(joined, owner)
  parent.children.splice(leftAt, 2, halves.left, halves.right)
  parent.keys = parent.keys.with(leftAt, halves.separator)
}

function join<V>(left: Node<V>, right: Node<V>, separator: string, owner: Owner): Node<V> {
  if (left.leaf && right.leaf)
    return leafOf(owner, left.keys.concat(right.keys), left.values.concat(right.values))
  const [a, b] = [left as Branch<V>, right as Branch<V>]
  return branchOf(owner, [...a.keys, separator, ...b.keys], a.children.concat(b.children))
}
