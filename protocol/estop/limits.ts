/** How much of everything an emergency stop may be, and what happens when it is reached. */
import { assert } from '../assert.ts'

/** Beside the streams to peers: for whoever is not connected. */
export const estopTopic = 'skein/estop/1'

export const estopLimits = {
  scopeBytesMax: 256,
  reasonBytesMax: 512,
  nonceBytes: 16,
  /** Of a word's name: 128 bits of SHA-256. */
  idBytes: 16,
  /** Who has signed one word. More hands than this say nothing more. */
  handsMax: 4,
  /**
   * Raises that one release names, and that a scope remembers as released. Those with the lowest
   * epochs go first, and from then on whatever is not above them is old.
   */
  coveredMax: 64,
  /** Of one scope and not released. One more changes nothing: the scope is stopped. */
  raisesMax: 16,
  /** Of one scope, that say something which no other says. The oldest go. */
  releasesMax: 8,
  /** When full, a scope that is released goes: those of runs first, which are over by then. */
  scopesMax: 256,
  /** Releases that wait for a second person. The oldest go. */
  proposalsMax: 16,
  /** An epoch each millisecond for 35,000 years. */
  epochMax: 2 ** 50,
  bodyBytesMax: 4 * 1024,
  /** Words in one frame, and answers in one. */
  wordsPerFrameMax: 8,
  answersPerFrameMax: 256,
  /** Said again to a peer that has not answered after so long, then twice as long, and so on. */
  againFirstMs: 50,
  againMostMs: 5_000,
  /** And after so long to one that is known to have heard it, and will answer by itself. */
  againKnownMs: 250,
  /** Peers of which it is remembered what they were told. */
  peersMax: 4_096,
} as const

assert(
  estopLimits.againKnownMs > estopLimits.againFirstMs,
  'who is known to have heard a word can wait for it longer than who is not',
)
assert(estopLimits.handsMax >= 2, 'two people must be able to sign one release')
assert(
  estopLimits.bodyBytesMax >
    estopLimits.coveredMax * (estopLimits.idBytes + 16) +
      estopLimits.reasonBytesMax +
      estopLimits.scopeBytesMax +
      256,
  'the body of a word must hold all that it may say',
)
