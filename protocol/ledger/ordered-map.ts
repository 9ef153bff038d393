/**
 * An immutable map in the order of its keys (by UTF-16 code unit; the keys of the ledger are ASCII,
 * where every order agrees). Changing one of n entries makes a new map in O(log n) that shares all
 * but a path with the old one, so keeping an old map costs nothing but what has changed since.
 */
import {
  type Branch,
  branchOf,
  childAt,
  type Grown,
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
  private held: V | undefined

  constructor(root: Node<V>) {
    this.root = root
  }

  get(key: string): V | undefined {
    return find(this.root, key)
  }

  rank(key: string): number {
    return rankIn(this.root, key)
  }

  /** What was there before. */
  set(key: string, value: V): V | undefined {
    this.held = undefined
    const { left, right, separator } = this.setIn(this.root, key, value)
    this.root = right === undefined ? left : branchOf(this.owner, [separator], [left, right])
    return this.held
  }

  /** What was there before. */
  delete(key: string): V | undefined {
    // Looked up first, so that a key that is not there copies nothing.
    const held = find(this.root, key)
    if (held === undefined) return undefined
    let root = this.deleteIn(this.root, key)
    while (!root.leaf && root.children.length === 1) root = root.children[0] as Node<V>
    this.root = root
    return held
  }

  finish(): OrderedMap<V> {
    this.owner = new Owner()
    return OrderedMap.around(this.root)
  }

  restore(to: OrderedMap<V>): void {
    const { root } = to.edit()
    this.root = root
    this.owner = new Owner()
  }

  private setIn(node: Node<V>, key: string, value: V): Grown<V> {
    return node.leaf ? this.setInLeaf(node, key, value) : this.setInBranch(node, key, value)
  }

  private setInLeaf(node: Leaf<V>, key: string, value: V): Grown<V> {
    const at = lowerBound(node.keys, key)
    const leaf = ownedLeaf(node, this.owner)
    if (leaf.keys[at] === key) {
      this.held = leaf.values[at]
      leaf.values[at] = value
      return { left: leaf, right: undefined, separator: '' }
    }
    leaf.keys = withInserted(leaf.keys, at, key)
    leaf.values = withInserted(leaf.values, at, value)
    leaf.size++
    if (leaf.keys.length <= widthMax) return { left: leaf, right: undefined, separator: '' }
    return split<V>(leaf, this.owner)
  }

  private setInBranch(node: Branch<V>, key: string, value: V): Grown<V> {
    const at = childAt(node.keys, key)
    const child = node.children[at] as Node<V>
    const before = child.size
    const grown = this.setIn(child, key, value)
    const branch = ownedBranch(node, this.owner)
    branch.children[at] = grown.left
    branch.size += grown.left.size + (grown.right?.size ?? 0) - before
    if (grown.right === undefined) return { left: branch, right: undefined, separator: '' }
    branch.keys = withInserted(branch.keys, at, grown.separator)
    branch.children = withInserted(branch.children, at + 1, grown.right)
    if (branch.children.length <= widthMax) {
      return { left: branch, right: undefined, separator: '' }
    }
    return split<V>(branch, this.owner)
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
