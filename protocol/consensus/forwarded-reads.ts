/**
 * Reads that a follower has been asked for and has asked its leader about. They die with the
 * leader that they were sent to. Numbers on the wire are drawn anew when a node starts, so that an
 * answer to an earlier life, with its older index, answers nothing.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Node } from './node.ts'
import type { ReadRefusal } from './ready.ts'

interface Forwarded {
  readonly id: number
  readonly dueMs: number
}

export class ForwardedReads {
  private readonly node: Node
  /** In order of their asking, and so of their `dueMs`. */
  private readonly pending = new Map<number, Forwarded>()

  constructor(node: Node) {
    this.node = node
  }

  get size(): number {
    return this.pending.size
  }

  get dueMs(): number {
    for (const { dueMs } of this.pending.values()) return dueMs
    return Number.POSITIVE_INFINITY
  }

  ask(leader: PeerId, id: number): void {
    const { node } = this
    const wireId = node.nextReadId()
    this.pending.set(wireId, { id, dueMs: node.nowMs + 2 * node.timing.electionMs })
    node.outbox.sendAfterTerm(leader, {
      kind: 'readRequest',
      value: { term: node.term, id: wireId },
    })
  }

  answered(wireId: number, index: number | undefined): void {
    const read = this.pending.get(wireId)
    if (read === undefined) return
    this.pending.delete(wireId)
    if (index === undefined) this.refuse(read, 'notLeader')
    else this.node.outbox.confirmedReads.push({ id: read.id, index })
  }

  expire(): void {
    for (const [wireId, read] of this.pending) {
      if (read.dueMs > this.node.nowMs) return
      this.pending.delete(wireId)
      this.refuse(read, 'timedOut')
    }
  }

  end(): void {
    for (const read of this.pending.values()) this.refuse(read, 'notLeader')
    this.pending.clear()
  }

  private refuse({ id }: Forwarded, reason: ReadRefusal): void {
    this.node.outbox.refusedReads.push({ id, reason })
  }
}
