/**
 * What was refused from peers, by reason, and whose fault that was. Honest peers can be newer,
 * slower or busier than we are; that is counted and never held against them.
 */
export type LinkRefusal =
  /** Not an envelope, or not a message of this purpose. */
  | 'undecodable'
  /** A frame over the limit. */
  | 'tooLarge'
  /** A stream broken by what its peer sent, before it came to us. */
  | 'garbage'
  /** A stream that stayed silent, or opened with something else. */
  | 'noHello'
  /** A frame on a stream that is ours to send on. */
  | 'unexpectedFrame'
  /** An answer to nothing that was asked, or a second one. */
  | 'replayedResponse'
  /** A request that was taken before. */
  | 'replayedRequest'
  /** No version, or not the mesh, in common. */
  | 'wrongVersion'
  /** A kind of message that a newer version has. */
  | 'unknownKind'
  /** An answer after its deadline. */
  | 'lateAnswer'
  /** A request where this purpose serves none. */
  | 'notServed'
  /** A stream paused because its peer was over its quota. */
  | 'throttled'
  /** A stream of a peer that has others. */
  | 'tooManyStreams'
  /** A peer beyond the number that we keep track of. */
  | 'tooManyPeers'
  /** Peers banned for too many of the above. */
  | 'banned'

const faults: ReadonlySet<LinkRefusal> = new Set<LinkRefusal>([
  'undecodable',
  'tooLarge',
  'garbage',
  'noHello',
  'unexpectedFrame',
  'replayedResponse',
])

/** True when no honest peer, of whatever version, does such a thing again and again. */
export function isFault(reason: LinkRefusal): boolean {
  return faults.has(reason)
}

const vain: ReadonlySet<LinkRefusal> = new Set<LinkRefusal>(['notServed', 'replayedRequest'])

/** True when to refuse it is work, and newer peers or unlucky ones may do it, but not often. */
export function isVain(reason: LinkRefusal): boolean {
  return vain.has(reason)
}

/** Why a frame of ours was not sent. */
export type LinkDrop =
  | 'queueFull'
  | 'backingOff'
  | 'unreachable'
  | 'linkLost'
  | 'refused'
  | 'tooManyPeers'
  | 'closed'
