/** What an agent's part of an emergency stop takes, beside what `protocol/estop` bounds. */
import { estopLimits } from '../../protocol/estop/limits.ts'
import { type LinkLimits, linkLimits, linkQuotas, type Quotas } from '../links/limits.ts'
import type { PurposeLimits } from '../network/limits.ts'

/** A stop waits for nobody: links are tried again at once, and seldom only where nobody answers. */
export const estopLinkLimits: LinkLimits = {
  ...linkLimits,
  frameBytesMax: 256 << 10,
  queueFramesMax: 256,
  queueBytesMax: 1 << 20,
  peersMax: estopLimits.peersMax,
  openTimeoutMs: 2_000,
  backoffBaseMs: 25,
  backoffCapMs: 2_000,
}

/**
 * A word is a KiB or two, with its hands, and there are few. A mebibyte takes 30 ms of a core, and more
 * where others want it, whatever is in it.
 */
export const estopLinkQuotas: Quotas = {
  ...linkQuotas,
  framesPerSecond: 50,
  framesBurst: 500,
  bytesPerSecond: 128 << 10,
  bytesBurst: 1 << 20,
  pauseMsMin: 100,
}

/**
 * Each stream brings a window full of bytes before it can be made to wait. Whoever finds nobody and
 * tries again, at once at first, opens eight in two seconds, and then one a second.
 */
export const estopStreamLimits: Partial<PurposeLimits> = {
  frameBytesMax: estopLinkLimits.frameBytesMax,
  opensAtOnceMax: 12,
}

export const estopDriverLimits = {
  /** Who has not said which stops it knows is asked again after this. */
  askAgainMs: 250,
  /** How often one peer, drawn by lot, is compared with, while anything is known that it might not. */
  compareMs: 5_000,
  /**
   * A disk that takes longer to keep a word is not waited for: peers say it again after a crash. Of
   * a tenth of a second in which everything is to be dead, this is what the disk may have.
   */
  latchWaitMsMax: 20,
  /** A stop that is not done so long after its killing began is told of here all the same. */
  tellWaitMsMax: 100,
  /** Between two tries to write down what the disk would not take. */
  writeAgainMs: 1_000,
  /** How often what is not in the ledger yet is tried, and how long one try may take. */
  recordMs: 5_000,
  appendTimeoutMs: 3_000,
  /** Of words that are not believed all are counted, and so many in a minute told to people. */
  refusalsToldPerMinute: 6,
  /** Forged words of one peer that are looked at, and peers of which that is remembered. */
  forgeries: { perSecond: 2, atOnce: 32 },
  forgersMax: 1_024,
  /** A letter is answered after so long at the latest; its end is looked for so often. */
  letterMsMax: 4_000,
  letterLookMs: 10,
  /** People who bring a stop themselves: at once, for so long, and with so many words, all of them. */
  visitsMax: 16,
  visitMsMax: 120_000,
  visitWordsPerSecond: 200,
  visitWordsBurst: 400,
  /** After the start, and again where there is something to do; and words that are heard in it. */
  rehearseAfterMs: 1_000,
  rehearsals: 3,
  /** The wait for the next word or answer is not shorter than this. */
  waitMsMin: 5,
} as const
