/** How long strangers are suffered, and what may be held for them. */
import { assert } from '../../protocol/assert.ts'

export const trustLimits = {
  /** A peer that has not shown by then that it is of the mesh is shown the door. */
  strangerMs: 5_000,
  /** For our part of showing, from the opening of the stream to the answer. */
  introductionMs: 5_000,
  /** Streams of a peer that is still to show who it is. More are ended. */
  heldStreamsMax: 16,
  /** Of each peer, what it was refused for is told once in this time; counted it is always. */
  tellAgainMs: 60_000,
  /** Peers that are remembered as refused, so as to be told of once. The oldest makes room. */
  toldMax: 1_024,
  /** Peers whose credential is remembered while they are away. The oldest makes room. */
  knownMax: 4_096,
  /** Certificates are looked at again no later than this, whatever else happens. */
  lookAgainMs: 3_600_000,
  /** Of one introduction. */
  frameBytesMax: 32 * 1024,
} as const

assert(trustLimits.strangerMs >= trustLimits.introductionMs, 'an introduction may take its time')
