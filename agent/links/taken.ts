/**
 * Requests that were taken already, by peer and number: what a network or a stranger with a
 * recording says twice is done once.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { takenPeersMax, takenPerPeerMax } from './limits.ts'

export class Taken {
  readonly #byPeer = new Map<PeerId, Set<number>>()

  /** False when this peer has asked it before, and that is remembered. */
  add(peer: PeerId, id: number): boolean {
    const ids = this.#of(peer)
    if (ids.has(id)) return false
    ids.add(id)
    if (ids.size > takenPerPeerMax) ids.delete(ids.values().next().value as number)
    return true
  }

  #of(peer: PeerId): Set<number> {
    const known = this.#byPeer.get(peer)
    if (known !== undefined) return known
    if (this.#byPeer.size >= takenPeersMax) {
      this.#byPeer.delete(this.#byPeer.keys().next().value as PeerId)
    }
    const ids = new Set<number>()
    this.#byPeer.set(peer, ids)
    return ids
  }
}
