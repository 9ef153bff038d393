/**
 * Whom this agent believes: the leader of the highest term that it has heard of. What is said in an
 * older term is dropped and counted; trust in keys comes with the mesh's certificates.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'

export type Hearing =
  /** Of an older term, or of another who claims the same: it is not listened to. */
  | 'refused'
  | 'believed'
  /** And it is the first word of its term. */
  | 'new'

export class LeaderWatch {
  #term: number
  #peer: PeerId | undefined
  /** The leader has spoken to this agent itself; until then it is somebody else's word. */
  #heard = false
  #stale = 0

  constructor(term: number) {
    this.#term = term
  }

  get term(): number {
    return this.#term
  }

  get peer(): PeerId | undefined {
    return this.#peer
  }

  /** Frames that were dropped since the start. */
  get stale(): number {
    return this.#stale
  }

  hears(from: PeerId, term: number): Hearing {
    const impostor = term === this.#term && this.#heard && from !== this.#peer
    if (term < this.#term || impostor) {
      this.#stale++
      return 'refused'
    }
    const first = term > this.#term
    const other = from !== this.#peer
    this.#term = term
    this.#peer = from
    this.#heard = true
    return first || other ? 'new' : 'believed'
  }

  /** What the ledger on this host, or gossip, takes for the leader. True when that is news. */
  told(peer: PeerId, term: number): boolean {
    if (term < this.#term || (term === this.#term && this.#heard)) return false
    if (peer === this.#peer && term === this.#term) return false
    const other = peer !== this.#peer
    this.#term = term
    this.#peer = peer
    this.#heard = false
    return other
  }
}
