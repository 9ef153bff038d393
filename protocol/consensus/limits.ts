/**
 * Every number that consensus lives by, with its reason. `wireLimits` are fixed, because peers must
 * agree on them; `limits` and `timing` are given to each core, and these are the values to give.
 */
import { assert } from '../assert.ts'

/** What a message may hold. A larger one is refused where it is decoded, so none is ever made. */
export const wireLimits = {
  /** Bytes of one proposal. Larger things are artifacts, and the ledger holds their hash. */
  entryBytesMax: 512 * 1024,
  entriesPerAppendMax: 2_048,
  /** Name of a client session, which consensus carries without reading. */
  clientBytesMax: 128,
  peerIdBytesMax: 128,
  /** Voters in one half of a configuration. More make each commit slower and none safer. */
  votersMax: 9,
  learnersMax: 64,
  snapshotChunkBytesMax: 512 * 1024,
  checksumBytesMax: 64,
} as const

/** What is counted for an entry beside its data, so that a million empty ones are not free. */
export const entryOverheadBytes = 48

/** The longest frame: an append full of entries, with what each of them costs on the wire. */
export const frameBytesMax = 1024 * 1024

export interface Limits {
  /** Entries of one append, in bytes. One entry always fits. */
  appendBytesMax: number
  /** Appends on their way to one peer. When full, it gets no more until it answers. */
  inflightAppendsMax: number
  inflightBytesMax: number
  /**
   * How long a peer may not know of a commit while an append that would carry it may still come.
   * Zero: every commit is told at once, in a frame of its own.
   */
  commitNoticeMs: number
  /**
   * How long entries wait for more to go with them to peers whose answer is not needed to commit
   * them. Zero: all get all at once.
   */
  spareMs: number
  /**
   * How long nothing may be committed, while there is something to commit, before nobody waits any
   * more: one of those whose answer is needed may be silent, or a disk slow.
   */
  stallMs: number
  /** Proposals that are not committed yet. When full, new ones are refused: `backlogFull`. */
  backlogBytesMax: number
  /** Entries handed out to be applied at once. The rest follow in the next `Ready`. */
  applyBytesMax: number
  /**
   * The log in memory. At the first, a snapshot is asked for, unless one is on its way to a peer;
   * at the second, in any case; at the third, proposals are refused: `logFull`.
   */
  logBytesSoft: number
  logBytesHard: number
  logBytesMax: number
  /** Entries before a snapshot that are kept, so that a peer a little behind needs no snapshot. */
  logTailBytes: number
  snapshotBytesMax: number
  snapshotChunkBytes: number
  /** Chunks on their way to one peer. */
  snapshotChunksInflightMax: number
  /** Reads that wait for their confirmation. When full, new ones are refused: `backlogFull`. */
  readsPendingMax: number
  /** A learner may become a voter when it lacks no more than this. */
  promotionLagEntriesMax: number
}

export const limits: Limits = {
  appendBytesMax: 512 * 1024,
  inflightAppendsMax: 64,
  inflightBytesMax: 4 * 1024 * 1024,
  // Longer than a client takes from an answer to its next proposal, and not felt by who watches.
  commitNoticeMs: 5,
  // What whoever watches such a host lags behind at most; it is sent all at once when it asks for a
  // read. A client alone makes about fifteen commits in that time, so with five voters two of them
  // are woken a fifteenth as often: on two cores a commit took 1.6 to 2.1 ms, and 2.8 to 3.7 with a
  // third of this time, in turn.
  spareMs: 30,
  // Five times what a commit takes at rest; under load something is committed far more often. A host
  // that falls silent costs this once, and a leader with a slow disk each time.
  stallMs: 10,
  backlogBytesMax: 32 * 1024 * 1024,
  applyBytesMax: 1024 * 1024,
  logBytesSoft: 16 * 1024 * 1024,
  logBytesHard: 32 * 1024 * 1024,
  logBytesMax: 128 * 1024 * 1024,
  logTailBytes: 4 * 1024 * 1024,
  snapshotBytesMax: 4 * 1024 * 1024 * 1024,
  snapshotChunkBytes: 256 * 1024,
  snapshotChunksInflightMax: 4,
  readsPendingMax: 16_384,
  promotionLagEntriesMax: 512,
}

export interface Timing {
  /** The leader is heard this often, at least. */
  heartbeatMs: number
  /**
   * After so long without a leader a voter may stand or vote, never earlier; it stands after a time
   * drawn anew from here up to twice this. A leader that hears no quorum for so long steps down.
   */
  electionMs: number
  /**
   * How much the rates of two hosts' clocks may differ from true time, each. Lease reads are wrong
   * if it is more. Crystals stay within 0.0001; the rest is for virtual machines.
   */
  clockDriftMax: number
  /**
   * When given, a start and a broken link to the leader are taken as hints that there is none: the
   * node asks within this time, up to twice it, whether it should stand. A leader that dies is
   * then followed soon although heartbeats are rare. Leases cannot rest on such nodes' silence, so
   * reads under a lease become safe ones.
   */
  hasteMs?: number
}

/** Four heartbeats may be lost before anybody moves, and a dead leader is followed in 300 ms. */
export const timing: Timing = { heartbeatMs: 50, electionMs: 200, clockDriftMax: 0.02 }

/** Heartbeat rounds whose time of sending is remembered. An answer to an older one renews no lease. */
export const roundsKept = 64

/** How long, in election times, a removed peer is still told of its removal. */
export const farewellElections = 10

export function assertLimits(l: Limits, t: Timing): void {
  assert(l.appendBytesMax <= l.inflightBytesMax, 'an append must fit the window', { ...l })
  assert(l.inflightAppendsMax > 0 && l.snapshotChunksInflightMax > 0, 'windows must be open')
  assert(
    l.logTailBytes < l.logBytesSoft &&
      l.logBytesSoft <= l.logBytesHard &&
      l.logBytesHard <= l.logBytesMax,
    'a snapshot must free log before it is full',
    { ...l },
  )
  assert(
    l.snapshotChunkBytes > 0 && l.snapshotChunkBytes <= wireLimits.snapshotChunkBytesMax,
    'a chunk must fit its message',
  )
  assert(t.heartbeatMs > 0 && t.electionMs >= 2 * t.heartbeatMs, 'a heartbeat may be lost', {
    ...t,
  })
  assert(t.hasteMs === undefined || t.hasteMs > 0, 'haste takes time', { ...t })
  assert(t.clockDriftMax >= 0 && t.clockDriftMax < 0.5, 'drift is a share of the rate')
}

assertLimits(limits, timing)
assert(
  limits.appendBytesMax <= wireLimits.entryBytesMax + entryOverheadBytes,
  'an append must fit the frames of a link',
)
