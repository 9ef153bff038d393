/**
 * Who keeps copies of an attempt's log: the same hosts whoever asks, as long as they are alive, and
 * others for each attempt. Each host has a rank for each attempt, which does not depend on who else
 * is there (rendezvous hashing).
 */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import { type AttemptId, attemptKey } from '../../../protocol/work/fence.ts'

/** All of them, the likeliest first. */
export function rankedKeepers(id: AttemptId, peers: readonly PeerId[]): PeerId[] {
  const attempt = hashOf(attemptKey(id), 0)
  return peers
    .map((peer) => ({ peer, rank: mixed(hashOf(peer, attempt)) }))
    .sort((a, b) => a.rank - b.rank || (a.peer < b.peer ? -1 : 1))
    .map(({ peer }) => peer)
}

/** FNV-1a over the units of a text. Nobody gains by a collision: it need not be hard to find. */
function hashOf(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  return hash >>> 0
}

/** Spreads what differs in the last letters only. */
function mixed(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return (twice ^ (twice >>> 16)) >>> 0
}
