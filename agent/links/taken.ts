/**
 * Requests that were taken already, by peer and number: what a network or a stranger with a
 * recording says twice is done once.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { takenPeersMax, takenPerPeerMax } from './limits.ts'

/** What is remembered of one peer: its newest numbers, and which of them came first. */
interface Remembered {
  readonly ids: Set<number>
  /** In the order in which they came, from `oldest` on and round. */
  readonly order: number[]
  oldest: number
}

export class Taken {
  readonly #byPeer = new Map<PeerId, Remembered>()

  /** False when this peer has asked it before, and that is remembered. */
  add(peer: PeerId, id: number): boolean {
    const known = this.#of(peer)
    const { ids, order, oldest } = known
    if (ids.has(id)) return false
    ids.add(id)
    if (order.length < takenPerPeerMax) order.push(id)
    else {
      // Not the set's own first: whoever asks a set for that passes by all that has left it before.
      ids.delete(order[oldest] as number)
      order[oldest] = id
      known.oldest = (oldest + 1) % takenPerPeerMax
    }
    return true
  }

  #of(peer: PeerId): Remembered {
    const known = this.#byPeer.get(peer)
    if (known !== undefined) return known
    if (this.#byPeer.size >= takenPeersMax) {
      this.#byPeer.delete(this.#byPeer.keys().next().value as PeerId)
    }
    const fresh = { ids: new Set<number>(), order: [], oldest: 0 }
    this.#byPeer.set(peer, fresh)
    return fresh
  }
}
