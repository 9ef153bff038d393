/**
 * How large the ledger's state and everything around it may grow, and what happens when it is full.
 *
 * Those in `stateLimits` decide results: two replicas with different figures would diverge. They
 * are part of what a ledger version means; changing one is a new ledger version. `localLimits`
 * bound what one replica keeps or answers, and may differ from host to host.
 */
import { assert } from '../assert.ts'

export const stateLimits = {
  /** Bytes of one entry. A larger one is never proposed: `tooLarge`. */
  entryBytesMax: 512 * 1024,
  /** Keys and rows together, each row with its overhead. When full, writes are refused: `full`. */
  stateBytesMax: 2 * 1024 ** 3,
  /** About what a row takes in memory beside its own bytes. */
  rowOverheadBytes: 64,
  /** Year 9999. A leader's clock beyond it is broken, and what it stamps is refused. */
  timeMsMax: 253_402_300_799_999,

  kvNamespaceBytesMax: 64,
  kvKeyBytesMax: 512,
  /** Larger things are artifacts, and the ledger holds their hash. */
  kvValueBytesMax: 128 * 1024,

  configKeyBytesMax: 256,
  configValueBytesMax: 64 * 1024,
  configKeysMax: 4_096,

  nodesMax: 4_096,
  nodeIdBytesMax: 128,
  labelNameBytesMax: 64,
  labelValueBytesMax: 256,
  labelsPerNodeMax: 64,

  /** Scopes with a record. When full, the oldest released one gives way; without one: `full`. */
  estopScopesMax: 1_024,
  estopScopeBytesMax: 256,
  estopProofBytesMax: 4 * 1024,

  /** Any short text by or about a person: who, why, what for. */
  noteBytesMax: 1_024,
  auditDetailBytesMax: 8 * 1024,
  /** Entries kept. The oldest leaves as a new one comes; what is left still verifies. */
  auditEntriesMax: 100_000,

  /** Open sessions. When full, a new one is refused: `full`. */
  sessionsMax: 4_096,
  sessionTtlMsMin: 1_000,
  sessionTtlMsMax: 7 * 24 * 3_600_000,
  /** Commands a client may have in flight, from its lowest unacknowledged serial on: `windowFull`. */
  sessionWindow: 4_096,
  /** Acknowledged answers are forgotten in steps of so many, so that not every command pays for it. */
  sessionTrimStep: 32,
  /** A session's last use is written down no more often than this, for the same reason. */
  sessionTouchMs: 1_000,
  /** Rows removed by one `sessionsExpire`, so that no entry takes long. More need another one. */
  sessionRowsExpiredMax: 8_192,

  batchCommandsMax: 1_024,

  /** Runs that are not archived, ended ones included. When full, a new one is refused: `full`. */
  runsMax: 100_000,
  runIdBytesMax: 64,
  runKeyBytesMax: 128,
  runLabelsMax: 64,
  /** All that never changes of a run: inputs, labels, what a retry keeps. */
  runSpecBytesMax: 120 * 1024,
  /** Bound inputs of a run, outputs of a stage or a run: each as JSON. */
  runInputsBytesMax: 64 * 1024,
  runOutputsBytesMax: 64 * 1024,
  /** The items of a `forEach`, as JSON. */
  runItemsBytesMax: 120 * 1024,
  runItemsMax: 10_000,
  /**
   * Lists of files that a stage hands on: one, or one for each of its items. One more than an attempt
   * may be given, so that what is too much is never taken for all.
   */
  runArtifactsMax: 513,
  contentHashBytesMax: 64,
  stageNameBytesMax: 63,
  stagesMax: 10_000,
  /** What is kept of one attempt: how it ended, what it took, the end of its log. */
  attemptRecordBytesMax: 16 * 1024,
  /** Transitions of one `workAdvance`, and stages passed over in it. */
  transitionsMax: 4_096,
  /** Votes on one approval. When full, another one is refused: `full`. */
  votesMax: 40,
  /** Events kept for those that wait later. The oldest gives way. */
  signalsMax: 10_000,
  signalDataBytesMax: 16 * 1024,
  /** A workflow comes and is kept in pieces. */
  workflowChunkBytesMax: 120 * 1024,
  workflowChunksMax: 128,
  /** When full, the oldest that nothing refers to gives way; without one: `full`. */
  workflowsMax: 4_096,
  /** Rows removed by one `runArchive`, so that no entry takes long. More need another one. */
  runRowsArchivedMax: 4_096,
} as const

export type StateLimits = { readonly [K in keyof typeof stateLimits]: number }

export const localLimits = {
  /** A chunk of a snapshot is closed when it has reached this; one more row always fits. */
  snapshotChunkBytes: 256 * 1024,
  snapshotChunkBytesMax: 512 * 1024,

  /** Events kept for subscribers. The oldest give way; who needs them is told to read the state. */
  eventsKeptMax: 65_536,
  eventBytesKeptMax: 16 * 1024 * 1024,
  /** What an event costs beside its texts and values. */
  eventOverheadBytes: 128,
  eventsPerAnswerMax: 1_024,

  /** Digests are noted at every multiple of this index, the same on all replicas. */
  digestEveryEntries: 1_024,
  /** Of a million entries: what a voter says under full load is heard tens of seconds later. */
  digestsKeptMax: 1_024,
  /** Entries whose digest can still be told one by one: a mesh at rest is compared there. */
  recentDigestsMax: 256,

  /** Items and bytes of one answer to a list. The rest follows by its continuation. */
  listItemsMax: 1_000,
  listBytesMax: 4 * 1024 * 1024,
  /** Rows left out of one page of a list. A page ends there, though nothing may be on it. */
  listScanMax: 5_000,

  /** Units of one answer about a run, and bytes of all their rows. The rest likewise. */
  runUnitsMax: 10_000,
  runViewBytesMax: 16 * 1024 * 1024,
} as const

export type LocalLimits = { readonly [K in keyof typeof localLimits]: number }

/** What a vote takes beside its texts, for each of them. */
const varintsOfVote = 16

/** What the figures of a list of files take, with tags and lengths of all. */
const bytesOfArtifacts = 40

/** What the fields of a row take beside its largest text or value. */
const rowRestBytesMax = 16 * 1024

assert(
  stateLimits.kvValueBytesMax + rowRestBytesMax < stateLimits.entryBytesMax,
  'the largest value must fit an entry',
)
assert(
  localLimits.snapshotChunkBytes + stateLimits.kvValueBytesMax + rowRestBytesMax <=
    localLimits.snapshotChunkBytesMax,
  'a chunk that is almost full must hold one more row',
)
assert(
  stateLimits.labelsPerNodeMax * (stateLimits.labelNameBytesMax + stateLimits.labelValueBytesMax) <
    stateLimits.kvValueBytesMax,
  'no row may be larger than the largest value',
)
assert(
  Math.max(
    stateLimits.workflowChunkBytesMax,
    stateLimits.runItemsBytesMax,
    stateLimits.runSpecBytesMax,
    stateLimits.runArtifactsMax *
      (stateLimits.contentHashBytesMax + stateLimits.nodeIdBytesMax + bytesOfArtifacts),
    stateLimits.votesMax * 2 * (stateLimits.noteBytesMax + varintsOfVote),
  ) < stateLimits.kvValueBytesMax,
  'no row of a run or a workflow may be larger than the largest value',
)
assert(
  stateLimits.signalsMax >= stateLimits.transitionsMax &&
    stateLimits.signalsMax >= stateLimits.batchCommandsMax,
  'the signals of one entry must all find a place',
)
assert(
  stateLimits.sessionRowsExpiredMax > stateLimits.sessionWindow + stateLimits.sessionTrimStep,
  'one expiry must be able to remove a whole session',
)
