/**
 * Invocations and returns in the order of time, as a list from which an operation that has its place
 * in the order is lifted out, and into which it is put back just where it was.
 */
import type { Searched } from './search.ts'

export interface Node {
  /** In the order of invocations. */
  readonly number: number
  readonly searched: Searched
  readonly at: number
  readonly isReturn: boolean
  before: Node | undefined
  after: Node | undefined
}

export class Timeline {
  first: Node | undefined
  private readonly returns: Node[] = []
  private readonly done: Uint8Array
  /** All below are done, and none above `high` is. */
  private low = 0
  private high = -1
  left: number

  /** Those that have a return. */
  constructor(all: readonly Searched[]) {
    const nodes: Node[] = []
    const inOrder = all.filter(({ returnedAt }) => returnedAt !== undefined)
    inOrder.sort((a, b) => a.invokedAt - b.invokedAt)
    inOrder.forEach((searched, number) => {
      const { invokedAt, returnedAt } = searched
      const links = { before: undefined, after: undefined }
      const end = { number, searched, at: returnedAt as number, isReturn: true, ...links }
      nodes.push({ number, searched, at: invokedAt, isReturn: false, ...links }, end)
      this.returns.push(end)
    })
    // Within a moment invocations come first: then the two are concurrent.
    nodes.sort((a, b) => a.at - b.at || Number(a.isReturn) - Number(b.isReturn))
    nodes.forEach((node, i) => {
      node.before = nodes[i - 1]
      node.after = nodes[i + 1]
    })
    this.first = nodes[0]
    this.left = inOrder.length
    this.done = new Uint8Array(inOrder.length)
  }

  firstReturn(): Node | undefined {
    let node = this.first
    while (node !== undefined && !node.isReturn) node = node.after
    return node
  }

  /** Takes an invocation, and its return, out. */
  lift(node: Node): void {
    this.unlink(node)
    this.unlink(this.returns[node.number] as Node)
    this.left--
    this.done[node.number] = 1
    if (node.number > this.high) this.high = node.number
    while (this.low < this.done.length && this.done[this.low] === 1) this.low++
  }

  /** What was lifted last comes back first. */
  restore(node: Node): void {
    this.relink(this.returns[node.number] as Node)
    this.relink(node)
    this.left++
    this.done[node.number] = 0
    if (node.number < this.low) this.low = node.number
    while (this.high >= 0 && this.done[this.high] === 0) this.high--
  }

  /** The same for the same operations lifted, and for no others. */
  name(): string {
    let name = `${this.low}:`
    for (let i = this.low + 1; i <= this.high; i++) name += this.done[i] === 1 ? '1' : '0'
    return name
  }

  private unlink({ before, after }: Node): void {
    if (before) before.after = after
    else this.first = after
    if (after) after.before = before
  }

  private relink(node: Node): void {
    if (node.before) node.before.after = node
    else this.first = node
    if (node.after) node.after.before = node
  }
}
