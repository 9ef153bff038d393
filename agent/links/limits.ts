/**
 * What a purpose's links may hold and how long they wait. Callers take these or pass their own:
 * consensus wants shorter waits than artifacts.
 */
import { assert } from '../../protocol/assert.ts'
import { frameBytesLimit } from '../../protocol/wire/limits.ts'

export interface LinkLimits {
  /** Longest frame either way, envelope included. Longer ones are refused, and asserted when ours. */
  frameBytesMax: number
  /** Frames and bytes that wait for one peer. When full, the oldest are dropped and counted. */
  queueFramesMax: number
  queueBytesMax: number
  /** Requests without an answer, to one peer and to all. When full, new ones are `overloaded`. */
  requestsPerPeerMax: number
  requestsMax: number
  /** Peers with any state here. When full and none can be forgotten, new ones are turned away. */
  peersMax: number
  /** Streams that a peer may have open towards us. One more ends the oldest: it is half dead. */
  inboundStreamsPerPeerMax: number
  /** From the call to `open` until it is given up. */
  openTimeoutMs: number
  /** From a stream's opening until the other side's Hello is in. */
  helloTimeoutMs: number
  /** Full jitter: the wait is even between 0 and base × 2^failures, and the latter at most the cap. */
  backoffBaseMs: number
  backoffCapMs: number
  /** A link that lived this long was no failure, and is re-opened without backing off. */
  steadyMs: number
  /** A link unused this long is closed, unless it is kept. */
  idleMs: number
  /** How often what is idle or forgettable is looked for. */
  reapIntervalMs: number
  /** Refusals that are a peer's fault, before it is banned. */
  refusalsPerMinuteMax: number
  /** Refusals that need not be its fault. Beyond, it is read no faster: each stands for many frames. */
  vainPerSecondMax: number
  banMs: number
}

export const linkLimits: LinkLimits = {
  frameBytesMax: 1024 * 1024,
  queueFramesMax: 1024,
  queueBytesMax: 4 * 1024 * 1024,
  requestsPerPeerMax: 256,
  requestsMax: 4096,
  peersMax: 4096,
  inboundStreamsPerPeerMax: 2,
  openTimeoutMs: 5_000,
  helloTimeoutMs: 5_000,
  backoffBaseMs: 100,
  backoffCapMs: 10_000,
  steadyMs: 10_000,
  idleMs: 300_000,
  reapIntervalMs: 15_000,
  refusalsPerMinuteMax: 60,
  // Each costs a sixth of a millisecond, with its answer. Twice as many may come at once.
  vainPerSecondMax: 20,
  banMs: 300_000,
}

/** What one peer may send us, on average and at once. Beyond it, its stream is paused. */
export interface Quotas {
  framesPerSecond: number
  framesBurst: number
  bytesPerSecond: number
  bytesBurst: number
  /**
   * Whoever is over its quota is not heard for so long at least: else each frame of a flood is a
   * wake-up of its own. What it may say in this time it says at once, before it is known what of
   * that was in vain.
   */
  pauseMsMin: number
}

export const linkQuotas: Quotas = {
  framesPerSecond: 2_000,
  framesBurst: 4_000,
  bytesPerSecond: 8 * 1024 * 1024,
  bytesBurst: 16 * 1024 * 1024,
  pauseMsMin: 10,
}

/** Answers that came too late and are still known by their id, so that they count as late. */
export const lateAnswersMax = 1024

/** Requests of one peer that are known to have been taken; older ones would be taken again. */
export const takenPerPeerMax = 512
/** Peers whose requests are known. When full, those of whoever asked first, longest ago, are forgotten. */
export const takenPeersMax = 512

/** Text by which a peer says why it did not answer a request. */
export const refusalTextBytesMax = 256

/** Bytes that an envelope adds to its payload, at most: two ids, three tags, one length. */
export const envelopeBytesMax = 32

export function assertLawful(limits: LinkLimits, quotas: Quotas): void {
  for (const [name, value] of Object.entries({ ...limits, ...quotas })) {
    assert(Number.isFinite(value) && value > 0, 'a limit must be a number above 0', { name, value })
  }
  assert(limits.frameBytesMax <= frameBytesLimit, 'a frame must fit the wire')
  assert(limits.frameBytesMax > envelopeBytesMax, 'a frame must hold more than its envelope')
  assert(limits.queueBytesMax >= limits.frameBytesMax, 'a queue must hold the longest frame')
  assert(limits.requestsMax >= limits.requestsPerPeerMax, 'one peer must fit into all')
  assert(limits.backoffCapMs >= limits.backoffBaseMs, 'backing off must not shorten')
}

assertLawful(linkLimits, linkQuotas)
