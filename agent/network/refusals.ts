/**
 * What the network has refused, counted by reason. The reasons are a closed list, so that a
 * hostile peer cannot make the counts themselves grow.
 */
import type { RefusalCounts } from '../../protocol/ports/network.ts'

export type RefusalReason =
  | 'bannedPeer'
  | 'tooManyConnections'
  | 'tooManyHandshakes'
  | 'connectionRate'
  | 'handshakeFailed'
  | 'ownIdentity'
  | 'unknownPurpose'
  | 'tooManyStreams'
  | 'streamRate'
  | 'streamFlood'
  | 'frameTooLarge'
  | 'garbageFrame'
  | 'frameCutShort'
  | 'cipherGarbage'
  | 'muxerGarbage'
  | 'muxerFrameTooLarge'
  | 'topicNotAllowed'
  | 'gossipLimit'
  | 'gossipGarbage'
  | 'gossipForged'
  | 'gossipOfStranger'
  | 'gossipNotPassedOn'

export class Refusals {
  readonly #counts = new Map<RefusalReason, number>()

  count(reason: RefusalReason, times = 1): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + times)
  }

  counts(): RefusalCounts {
    return Object.fromEntries(this.#counts)
  }
}
