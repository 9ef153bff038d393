/** What bounds the writing of the audit log on one host. The log itself is bounded by the ledger. */
import { assert } from '../../protocol/assert.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'

export const auditLimits = {
  /** For one entry to be committed, with an election in between. What takes longer waits on disk. */
  appendTimeoutMs: 2_000,
  /**
   * Entries that wait on this disk for a ledger that can be reached. When full, a further one is
   * counted, and the next that is written says how many are missing.
   */
  waitingMax: 1_000,
  /** How often those are tried again, while there are any. */
  retryMs: 5_000,
  /**
   * Refusals written a second, and at once: whoever knocks all night must not push what was done out
   * of the log. Those beyond are counted, and the next that is written says how many there were.
   */
  refusalsPerSecond: 1,
  refusalsAtOnce: 60,
  /**
   * How often it is looked at what else was refused, of strangers and of peers: after the first
   * entry the wait doubles for as long as there is something to write, up to the longest.
   */
  refusalsLookMs: 5_000,
  refusalsLookMsMax: 600_000,
  /** Entries that are read or checked in one go, before others have their turn. */
  sliceEntries: 500,
  /** Entries that one question goes through, from the newest back. The next goes on from there. */
  scanEntriesMax: 20_000,
  /** Of a key or an id: enough to tell those of one mesh apart. */
  idLettersShown: 8,
  /** Bytes of a text that are written down of one that is longer. */
  noteBytesMax: stateLimits.noteBytesMax,
  detailBytesMax: stateLimits.auditDetailBytesMax,
} as const

assert(
  auditLimits.refusalsPerSecond * 3_600 < stateLimits.auditEntriesMax,
  'an hour of refusals must leave most of the log as it is',
)
