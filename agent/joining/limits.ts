/** What strangers may take of an agent by asking to be let in, and how long either side waits. */
import { assert } from '../../protocol/assert.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'
import type { PurposeLimits } from '../network/limits.ts'

export const doorwayLimits = {
  /** Strangers at once. More are told that we are busy. */
  visitsMax: 16,
  /** From the opening of the stream to the request. */
  requestMs: 5_000,
  /** From the opening of the stream to its end. */
  visitMs: 20_000,
  /** Where the ledger is led, for one who is let in: with an election in between. */
  decideMs: 12_000,
  /** Of one peer, and of all together; connections are counted by address, before (`network`). */
  peerPerSecond: 0.2,
  peerBurst: 4,
  allPerSecond: 8,
  allBurst: 32,
  /** Peers whose rate is remembered. The oldest is forgotten. */
  peersRatedMax: 256,
} as const

/** Of the stream itself: what a stranger sends is bounded before it is read. */
export const joinStreamLimits: PurposeLimits = {
  frameBytesMax: joinLimits.frameBytesMax,
  streamsInboundMax: 1,
  streamsOutboundMax: 1,
  opensPerSecondMax: 1,
  opensAtOnceMax: 8,
}

export const askingLimits = {
  /** To connect to one address, and to be told who is there. */
  reachMs: 6_000,
  /** For the answer, once it was asked. */
  answerMs: 20_000,
  /** How often all addresses are gone through while the mesh cannot decide, and the wait between. */
  roundsMax: 4,
  roundMs: 2_000,
} as const

assert(
  doorwayLimits.requestMs + doorwayLimits.decideMs <= doorwayLimits.visitMs &&
    doorwayLimits.visitMs <= askingLimits.answerMs,
  'whoever asks waits at least as long as the answer may take',
)
