/**
 * Handing the lead to another voter (§3.10): no new proposals, until it holds the whole log; then it
 * is told to stand at once. If it has not won after an election's time, this leader carries on; its
 * lease is gone for the term, because the word to stand may still be on its way.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Leadership } from './leadership.ts'
import type { Node } from './node.ts'

export class Transfer {
  readonly target: PeerId
  readonly dueMs: number
  private readonly node: Node
  private told = false

  constructor(node: Node, target: PeerId) {
    this.node = node
    this.target = target
    this.dueMs = node.nowMs + node.timing.electionMs
  }

  handOverWhenReady(leadership: Leadership): void {
    if (this.told) return
    const peer = leadership.peers.get(this.target)
    if (peer === undefined || peer.match < this.node.log.lastIndex) return
    this.told = true
    leadership.tellToStand(this.target)
  }
}
