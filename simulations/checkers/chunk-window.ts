/**
 * A leader sends of a snapshot no more than a window beyond what the peer has said, in this term and
 * of this snapshot, that it has: answers to another leader, or of another snapshot, say nothing.
 */
import type { ChunkOrder } from '../../protocol/consensus/ready.ts'
import { type Violation, violation } from './violation.ts'

export class ChunkWindow {
  private readonly windowBytes: number
  /** By peer, term and snapshot: how many bytes the peer has said that it has. */
  private readonly answered = new Map<string, number>()

  constructor(windowBytes: number) {
    this.windowBytes = windowBytes
  }

  answers(peer: string, term: number, snapshotIndex: number, nextOffset: number): void {
    const key = `${peer} ${term} ${snapshotIndex}`
    this.answered.set(key, Math.max(nextOffset, this.answered.get(key) ?? 0))
  }

  sends(leader: string, { to, term, snapshot, offset }: ChunkOrder): Violation | undefined {
    const has = this.answered.get(`${to} ${term} ${snapshot.index}`) ?? 0
    if (offset < has + this.windowBytes) return undefined
    return violation(
      'a snapshot is sent as it arrives',
      `${leader} sends ${to} byte ${offset} of the snapshot of ${snapshot.index} in term ${term}, of which it has ${has}`,
    )
  }
}
