/**
 * Builds an `OrderedMap` from entries that come in order, level by level, in a tenth of the time
 * that setting them one by one takes.
 */
import { assert } from '../assert.ts'
import { OrderedMap } from './ordered-map.ts'
import { branchOf, leafOf, type Node, Owner, widthMax } from './tree.ts'

/** Room is left, so that the first changes after a load do not split every node they touch. */
const widthLoaded = (widthMax * 3) / 4

export class SortedLoad<V> {
  private readonly owner = new Owner()
  private readonly leaves: Node<V>[] = []
  private readonly firstKeys: string[] = []
  private keys: string[] = []
  private values: V[] = []
  private last: string | undefined

  /** False, and nothing taken, when the key is not above the one before. */
  push(key: string, value: V): boolean {
    if (this.last !== undefined && key <= this.last) return false
    this.last = key
    this.keys.push(key)
    this.values.push(value)
    if (this.keys.length === widthLoaded) this.closeLeaf()
    return true
  }

  /** Once. */
  finish(): OrderedMap<V> {
    if (this.keys.length > 0) this.closeLeaf()
    if (this.leaves.length === 0) return OrderedMap.empty<V>()
    let nodes = this.leaves
    let firstKeys = this.firstKeys
    while (nodes.length > 1) {
      const above: Node<V>[] = []
      const firstKeysAbove: string[] = []
      for (let at = 0; at < nodes.length; at += widthLoaded) {
        const children = nodes.slice(at, at + widthLoaded)
        above.push(branchOf(this.owner, firstKeys.slice(at + 1, at + children.length), children))
        firstKeysAbove.push(firstKeys[at] as string)
      }
      nodes = above
      firstKeys = firstKeysAbove
    }
    const [root] = nodes
    assert(root !== undefined, 'levels must end in one root')
    return OrderedMap.around(root)
  }

  private closeLeaf(): void {
    this.firstKeys.push(this.keys[0] as string)
    this.leaves.push(leafOf(this.owner, this.keys, this.values))
    this.keys = []
    this.values = []
  }
}
