/** What artifacts may take of one agent: its disk, its memory, its connections, its patience. */

import { artifactLimits } from '../../protocol/artifacts/limits.ts'
import { assert } from '../../protocol/assert.ts'
import type { PurposeLimits } from '../network/limits.ts'

const kib = 1024
const mib = 1024 * kib
const gib = 1024 * mib

export interface StoreLimits {
  /**
   * Of all contents kept here. When full, what no run pins is removed, least recently used first;
   * when that is not enough, collecting and fetching fail with class `resource`.
   */
  readonly quotaBytes: number
  /** Contents and manifests kept here, likewise. A content takes about 200 bytes of memory. */
  readonly blobsMax: number
  readonly manifestsMax: number
  /** Share of the quota that runs pin, from which on people are warned. */
  readonly warnShare: number
}

export const storeLimits: StoreLimits = {
  quotaBytes: 20 * gib,
  blobsMax: 100_000,
  manifestsMax: 10_000,
  warnShare: artifactLimits.warnShare,
}

export const collectLimits = {
  /** Entries of a stage's directory that are looked at. More fail its attempt, with class `input`. */
  entriesMax: 200_000,
  depthMax: 64,
  /** Files copied at a time: each waits for its own sync, and file systems do several at once. */
  filesAtOnce: 8,
  /** Names told of files that were left out. */
  namesToldMax: 20,
} as const

export const fetchLimits = {
  /** Fetches that ask others at a time; more wait their turn. */
  fetchesAtOnce: 4,
  /** Asked of one holder and not yet answered. 4 MiB keep 1 Gbit/s going over 30 ms. */
  windowBytes: 4 * mib,
  windowAsks: 64,
  /** Files put in place at a time. */
  filesAtOnce: 8,
  openTimeoutMs: 5_000,
  /** A holder from which nothing comes for so long is given up, for another. */
  stallMs: 15_000,
  /** Rounds through all holders that bring nothing, before the fetch fails. */
  roundsMax: 4,
  /** Before the second round; it doubles. */
  roundPauseMs: 500,
  /** Holders that are asked; of more, the first. */
  holdersMax: 64,
  /** A peer that has served wrong bytes is asked last for so long. */
  distrustMs: 600_000,
  distrustedMax: 256,
} as const

export const serveLimits = {
  /** Streams served at a time; more are answered `busy`. */
  streamsMax: 32,
  streamsPerPeerMax: 4,
  /** Chunks being read at a time. Streams take turns, so that each gets its share. */
  readsAtOnce: 4,
  /** A stream on which nothing is asked, or nothing is read by the other side, is ended. */
  idleMs: 30_000,
  /** Frames that wait on one stream before its sender is slowed down. */
  framesWaitingMax: 64,
} as const

/** Each stage that takes what another has left opens one, and there may be thousands of small ones. */
export const artifactStreamLimits: Partial<PurposeLimits> = {
  opensPerSecondMax: 500,
  opensAtOnceMax: 2_000,
}

/** Looking for pins of runs that are archived. */
export const releaseLimits = {
  lookMs: 30_000,
  timeoutMs: 5_000,
  /** Between two runs, so that thousands of them hold nobody up. */
  stepMs: 1,
} as const

assert(
  fetchLimits.windowBytes >= 2 * artifactLimits.chunkBytes,
  'a chunk is on its way while another is put away',
)
assert(fetchLimits.stallMs < serveLimits.idleMs, 'who fetches gives up before it is given up')
assert(
  fetchLimits.fetchesAtOnce <= serveLimits.streamsPerPeerMax,
  'all fetches of one agent may ask the same holder',
)
assert(
  collectLimits.entriesMax >= artifactLimits.filesPerStageMax,
  'a walk must be able to find what a stage may hand on',
)
