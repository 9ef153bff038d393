/**
 * An immutable map in the order of its keys (by UTF-16 code unit; the keys of the ledger are ASCII,
 * where every order agrees). Changing one of n entries makes a new map in O(log n) that shares all
 * but a path with the old one, so keeping an old map costs nothing but what has changed since.
 */
import {
  type Branch,
  branchOf,
  childAt,
  type Leaf,
  leafOf,
  lowerBound,
  mend,
  type Node,
  Owner,
  ownedBranch,
  ownedLeaf,
  split,
  widthMax,
  withInserted,
  without,
} from './tree.ts'

export class OrderedMap<V> {
  private readonly root: Node<V>

  private constructor(root: Node<V>) {
    this.root = root
  }

  static empty<V>(): OrderedMap<V> {
    return new OrderedMap<V>(leafOf(new Owner(), [], []))
  }

  /** Only for `MapEdit`, which has stopped changing the nodes. */
  static around<V>(root: Node<V>): OrderedMap<V> {
    return new OrderedMap(root)
  }

  get size(): number {
    return this.root.size
  }

  get(key: string): V | undefined {
    return find(this.root, key)
  }

  /** How many keys are below `key`, which itself need not be there. */
  rank(key: string): number {
    return rankIn(this.root, key)
  }

  /** Entries with `from` ≤ key < `to`, in order. Goes on undisturbed while newer maps are made. */
  *entries(from = '', to?: string): Generator<readonly [key: string, value: V], void, undefined> {
    const path: { node: Branch<V>; next: number }[] = []
    let node: Node<V> | undefined = this.root
    let at = 0
    while (!node.leaf) {
      const next = childAt(node.keys, from)
      path.push({ node, next: next + 1 })
      node = node.children[next] as Node<V>
    }
    at = lowerBound(node.keys, from)
    for (;;) {
      for (; at < node.keys.length; at++) {
        const key = node.keys[at] as string
        if (to !== undefined && key >= to) return
        yield [key, node.values[at] as V]
      }
      const leaf = nextLeaf(path)
      if (leaf === undefined) return
      node = leaf
      at = 0
    }
  }

  edit(): MapEdit<V> {
    return new MapEdit(this.root)
  }
}

/**
 * A map being changed. Nodes made in the edit are changed in place; `finish` and `restore` draw a
 * line, after which they are copied like all others.
 */
export class MapEdit<V> {
  private root: Node<V>
  private owner = new Owner()
  /**
   * The way to where the last key was looked for, from the root on: whoever reads a key mostly
   * writes it next, or its neighbours. Invariant: these are nodes of the tree as it is.
   */
  private readonly branches: Branch<V>[] = []
  private readonly turns: number[] = []
  private depth = 0
  private near: Leaf<V> | undefined

  constructor(root: Node<V>) {
    this.root = root
  }

  get size(): number {
    return this.root.size
  }

  get(key: string): V | undefined {
    const leaf = this.leafFor(key)
    const at = lowerBound(leaf.keys, key)
    return leaf.keys[at] === key ? leaf.values[at] : undefined
  }

  rank(key: string): number {
    return rankIn(this.root, key)
  }

  /** What was there before. */
  set(key: string, value: V): V | undefined {
    const found = this.leafFor(key)
    const at = lowerBound(found.keys, key)
    const leaf = this.ownWayTo(found)
    if (leaf.keys[at] === key) {
      const before = leaf.values[at]
      leaf.values[at] = value
      return before
    }
    leaf.keys = withInserted(leaf.keys, at, key)
    leaf.values = withInserted(leaf.values, at, value)
    leaf.size++
    for (let i = 0; i < this.depth; i++) (this.branches[i] as Branch<V>).size++
    if (leaf.keys.length > widthMax) this.splitUp(leaf)
    return undefined
  }

  /** What was there before. */
  delete(key: string): V | undefined {
    // Looked up first, so that a key that is not there copies nothing.
    const held = this.get(key)
    if (held === undefined) return undefined
    this.near = undefined
    let root = this.deleteIn(this.root, key)
    while (!root.leaf && root.children.length === 1) root = root.children[0] as Node<V>
    this.root = root
    return held
  }

  /** As of `OrderedMap`, but only until the next change. */
  entries(from: string, to: string): Generator<readonly [key: string, value: V], void, undefined> {
    return OrderedMap.around(this.root).entries(from, to)
  }

  finish(): OrderedMap<V> {
    this.owner = new Owner()
    return OrderedMap.around(this.root)
  }

  restore(to: OrderedMap<V>): void {
    const { root } = to.edit()
    this.root = root
    this.owner = new Owner()
    this.near = undefined
  }

  /** Where the key is or would be. */
  private leafFor(key: string): Leaf<V> {
    const { near, branches, turns } = this
    if (near !== undefined && isWithin(near.keys, key)) return near
    let node = this.root
    let depth = 0
    while (!node.leaf) {
      const at = childAt(node.keys, key)
      branches[depth] = node
      turns[depth++] = at
      node = node.children[at] as Node<V>
    }
    this.depth = depth
    this.near = node
    return node
  }

  /** Makes all nodes on the way to the leaf that was found last, and it, this edit's own. */
  private ownWayTo(leaf: Leaf<V>): Leaf<V> {
    const { branches, depth, owner } = this
    // A node is this edit's own only below one that is.
    if (leaf.owner === owner) return leaf
    for (let i = 0; i < depth; i++) {
      const branch = branches[i] as Branch<V>
      if (branch.owner === owner) continue
      const own = ownedBranch(branch, owner)
      branches[i] = own
      this.place(i, own)
    }
    const own = ownedLeaf(leaf, owner)
    this.place(depth, own)
    this.near = own
    return own
  }

  /** Puts a node at its place, which is that far from the root. */
  private place(depth: number, node: Node<V>): void {
    if (depth === 0) this.root = node
    else (this.branches[depth - 1] as Branch<V>).children[this.turns[depth - 1] as number] = node
  }

  /** Cuts the leaf that is too full now, and whatever becomes too full by that. */
  private splitUp(leaf: Leaf<V>): void {
    this.near = undefined
    let { left, right, separator } = split<V>(leaf, this.owner)
    for (let i = this.depth - 1; i >= 0; i--) {
      const branch = this.branches[i] as Branch<V>
      const at = this.turns[i] as number
      branch.children[at] = left
      branch.keys = withInserted(branch.keys, at, separator)
      branch.children = withInserted(branch.children, at + 1, right)
      if (branch.children.length <= widthMax) return
      ;({ left, right, separator } = split<V>(branch, this.owner))
    }
    this.root = branchOf(this.owner, [separator], [left, right])
  }

  /** The key is there. */
  private deleteIn(node: Node<V>, key: string): Node<V> {
    if (node.leaf) {
      const leaf = ownedLeaf(node, this.owner)
      const at = lowerBound(leaf.keys, key)
      leaf.keys = without(leaf.keys, at)
      leaf.values = without(leaf.values, at)
      leaf.size--
      return leaf
    }
    const branch = ownedBranch(node, this.owner)
    const at = childAt(branch.keys, key)
    branch.children[at] = this.deleteIn(branch.children[at] as Node<V>, key)
    branch.size--
    mend(branch, at, this.owner)
    return branch
  }
}

function find<V>(node: Node<V>, key: string): V | undefined {
  while (!node.leaf) node = node.children[childAt(node.keys, key)] as Node<V>
  const at = lowerBound(node.keys, key)
  return node.keys[at] === key ? node.values[at] : undefined
}

/** Surely: what is beyond its ends may be there, too. */
function isWithin(keys: readonly string[], key: string): boolean {
  const { length } = keys
  return length > 0 && key >= (keys[0] as string) && key <= (keys[length - 1] as string)
}

function rankIn<V>(node: Node<V>, key: string): number {
  let below = 0
  while (!node.leaf) {
    const at = childAt(node.keys, key)
    for (let i = 0; i < at; i++) below += (node.children[i] as Node<V>).size
    node = node.children[at] as Node<V>
  }
  return below + lowerBound(node.keys, key)
}

function nextLeaf<V>(path: { node: Branch<V>; next: number }[]): Leaf<V> | undefined {
  let step = path.at(-1)
  while (step !== undefined && step.next >= step.node.children.length) {
    path.pop()
    step = path.at(-1)
  }
  if (step === undefined) return undefined
  let node = step.node.children[step.next++] as Node<V>
  while (!node.leaf) {
    path.push({ node, next: 1 })
    node = node.children[0] as Node<V>
  }
  return node
}
