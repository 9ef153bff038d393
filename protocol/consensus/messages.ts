/**
 * What voters say to each other, and what the log is made of. Every message carries its sender's
 * term; every answer also the number of the disk behind it, because a promise is only as good as
 * the disk that remembers it.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { isBool, quick } from '../wire/quick.ts'
import type { Infer } from '../wire/schema.ts'
import {
  bool,
  bytes,
  field,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
  union,
} from '../wire/schema.ts'
import { wireLimits } from './limits.ts'

const peerId = () => text<PeerId>(wireLimits.peerIdBytesMax)

/** What an entry is for. Consensus reads the data of `config` only. */
export const entryKind = { normal: 0, config: 1, noop: 2 } as const

/** One entry of the log. Its index is its position, so it is never written down twice. */
const AnyEntry = message('Entry', {
  term: field(1, uint()),
  kind: field(2, uint()),
  data: field(3, bytes(wireLimits.entryBytesMax)),
  /** Who proposed, and its how-manieth this is: for the ledger to apply a retried one once. */
  client: optional(4, text(wireLimits.clientBytesMax)),
  serial: optional(5, uint()),
})
const QuickEntry = quick(AnyEntry, (reader) => {
  if (!reader.comes(0x08)) return undefined
  const term = reader.uint()
  if (!reader.comes(0x10)) return undefined
  const kind = reader.uint()
  if (!reader.comes(0x1a)) return undefined
  return { term, kind, data: reader.view(wireLimits.entryBytesMax) }
})
export const Entry: typeof QuickEntry = {
  ...QuickEntry,
  /** Nearly all of it is its data. */
  about: ({ data }) => data.length,
  write(writer, entry) {
    if (entry.client !== undefined || entry.serial !== undefined)
      return QuickEntry.write(writer, entry)
    writer.tag(0x08)
    writer.uint(entry.term, 'Entry.term')
    writer.tag(0x10)
    writer.uint(entry.kind, 'Entry.kind')
    writer.tag(0x1a)
    writer.bytes(entry.data, wireLimits.entryBytesMax, 'Entry.data')
  },
}
export type Entry = Infer<typeof Entry>
const nestedEntry = nested(Entry)

/** A host with the disk that it was admitted with. A host with another disk is somebody else. */
export const Member = message('Member', {
  id: field(1, peerId()),
  storage: field(2, uint()),
})
export type Member = Infer<typeof Member>

/**
 * Who decides. While `outgoing` is not empty the configuration is joint: a decision then needs a
 * majority of `voters` and one of `outgoing`. Learners receive the log and decide nothing.
 */
export const Config = message('Config', {
  voters: repeated(1, nested(Member), wireLimits.votersMax),
  outgoing: repeated(2, nested(Member), wireLimits.votersMax),
  learners: repeated(3, nested(Member), wireLimits.learnersMax),
})
export type Config = Infer<typeof Config>

/** A snapshot, without its bytes: the state after entry `index`, and the configuration there. */
export const SnapshotMeta = message('SnapshotMeta', {
  index: field(1, uint()),
  term: field(2, uint()),
  config: field(3, nested(Config)),
  bytes: field(4, uint()),
  /** SHA-256 of the whole, in hexadecimal. */
  checksum: field(5, text(wireLimits.checksumBytesMax)),
})
export type SnapshotMeta = Infer<typeof SnapshotMeta>

/** Would you vote for me in `term`? Changes nothing for either side. */
export const PreVoteRequest = message('PreVoteRequest', {
  /** The term that the sender would stand in: one above its own. */
  term: field(1, uint()),
  lastIndex: field(2, uint()),
  lastTerm: field(3, uint()),
})
export type PreVoteRequest = Infer<typeof PreVoteRequest>
/** When granted, `term` is the one asked for; when not, the voter's own. */
export const PreVoteAnswer = message('PreVoteAnswer', {
  term: field(1, uint()),
  storage: field(2, uint()),
  granted: field(3, bool()),
})
export type PreVoteAnswer = Infer<typeof PreVoteAnswer>
export const VoteRequest = message('VoteRequest', {
  term: field(1, uint()),
  lastIndex: field(2, uint()),
  lastTerm: field(3, uint()),
  /** The leader itself asked the sender to stand: a vote now breaks no lease. */
  handover: field(4, bool()),
})
export type VoteRequest = Infer<typeof VoteRequest>
export const VoteAnswer = message('VoteAnswer', {
  term: field(1, uint()),
  storage: field(2, uint()),
  granted: field(3, bool()),
})
export type VoteAnswer = Infer<typeof VoteAnswer>

const AnyAppend = message('Append', {
  term: field(1, uint()),
  prevIndex: field(2, uint()),
  prevTerm: field(3, uint()),
  commit: field(4, uint()),
  entries: repeated(5, nestedEntry, wireLimits.entriesPerAppendMax),
})
export const Append = quick(AnyAppend, (reader) => {
  const term = reader.uintAt(0x08)
  const prevIndex = reader.uintAt(0x10)
  const prevTerm = reader.uintAt(0x18)
  const commit = reader.uintAt(0x20)
  if (term < 0 || prevIndex < 0 || prevTerm < 0 || commit < 0) return undefined
  const entries: Entry[] = []
  while (entries.length < wireLimits.entriesPerAppendMax && reader.comes(0x2a))
    entries.push(nestedEntry.read(reader))
  return { term, prevIndex, prevTerm, commit, entries }
})
export type Append = Infer<typeof Append>
const AnyAppendAnswer = message('AppendAnswer', {
  term: field(1, uint()),
  storage: field(2, uint()),
  accepted: field(3, bool()),
  /** Accepted: the log equals the leader's up to here, on disk. Refused: the `prevIndex` asked for. */
  index: field(4, uint()),
  /** Refused: the last entry here that could be the leader's too. */
  hintIndex: field(5, uint()),
  hintTerm: field(6, uint()),
  /** Refused, because the disk has lost what it held: what was acknowledged before is void. */
  lost: field(7, bool()),
})
export const AppendAnswer = quick(AnyAppendAnswer, (reader) => {
  const term = reader.uintAt(0x08)
  const storage = reader.uintAt(0x10)
  const accepted = reader.uintAt(0x18)
  const index = reader.uintAt(0x20)
  const hintIndex = reader.uintAt(0x28)
  const hintTerm = reader.uintAt(0x30)
  const lost = reader.uintAt(0x38)
  if (term < 0 || storage < 0 || index < 0 || hintIndex < 0 || hintTerm < 0) return undefined
  if (!isBool(accepted) || !isBool(lost)) return undefined
  return { term, storage, accepted: accepted === 1, index, hintIndex, hintTerm, lost: lost === 1 }
})
export type AppendAnswer = Infer<typeof AppendAnswer>

/** Nothing new to append, but the leader's commit index has moved. Not answered. */
const AnyCommitNotice = message('CommitNotice', {
  term: field(1, uint()),
  commit: field(2, uint()),
})
export const CommitNotice = quick(AnyCommitNotice, (reader) => {
  const term = reader.uintAt(0x08)
  const commit = reader.uintAt(0x10)
  return term < 0 || commit < 0 ? undefined : { term, commit }
})

const AnyHeartbeat = message('Heartbeat', {
  term: field(1, uint()),
  commit: field(2, uint()),
  /** Counts the leader's heartbeats in its term; confirms reads and renews the lease. */
  round: field(3, uint()),
})
export const Heartbeat = quick(AnyHeartbeat, (reader) => {
  const term = reader.uintAt(0x08)
  const commit = reader.uintAt(0x10)
  const round = reader.uintAt(0x18)
  return term < 0 || commit < 0 || round < 0 ? undefined : { term, commit, round }
})
export type Heartbeat = Infer<typeof Heartbeat>
const AnyHeartbeatAnswer = message('HeartbeatAnswer', {
  term: field(1, uint()),
  storage: field(2, uint()),
  round: field(3, uint()),
  /** How far the log is known to equal the leader's. Zero after a restart. */
  verified: field(4, uint()),
})
export const HeartbeatAnswer = quick(AnyHeartbeatAnswer, (reader) => {
  const term = reader.uintAt(0x08)
  const storage = reader.uintAt(0x10)
  const round = reader.uintAt(0x18)
  const verified = reader.uintAt(0x20)
  if (term < 0 || storage < 0 || round < 0 || verified < 0) return undefined
  return { term, storage, round, verified }
})
export type HeartbeatAnswer = Infer<typeof HeartbeatAnswer>

export const SnapshotChunk = message('SnapshotChunk', {
  term: field(1, uint()),
  snapshot: field(2, nested(SnapshotMeta)),
  offset: field(3, uint()),
  data: field(4, bytes(wireLimits.snapshotChunkBytesMax)),
})
export type SnapshotChunk = Infer<typeof SnapshotChunk>
export const ChunkAnswer = message('ChunkAnswer', {
  term: field(1, uint()),
  storage: field(2, uint()),
  snapshotIndex: field(3, uint()),
  /** Bytes held, in order from the first. */
  nextOffset: field(4, uint()),
  /** What came did not continue what is held: go on from `nextOffset`. */
  gap: field(5, bool()),
})
export type ChunkAnswer = Infer<typeof ChunkAnswer>

/** Stand now: the leader hands over. */
export const TimeoutNow = message('TimeoutNow', { term: field(1, uint()) })

/** At which index may I answer a read that I have just received? */
export const ReadRequest = message('ReadRequest', {
  term: field(1, uint()),
  id: field(2, uint()),
})
export const ReadAnswer = message('ReadAnswer', {
  term: field(1, uint()),
  id: field(2, uint()),
  /** Absent: the leader cannot say. */
  index: optional(3, uint()),
})

export const RaftFrame = union('RaftFrame', {
  preVoteRequest: [1, PreVoteRequest],
  preVoteAnswer: [2, PreVoteAnswer],
  voteRequest: [3, VoteRequest],
  voteAnswer: [4, VoteAnswer],
  append: [5, Append],
  appendAnswer: [6, AppendAnswer],
  commitNotice: [7, CommitNotice],
  heartbeat: [8, Heartbeat],
  heartbeatAnswer: [9, HeartbeatAnswer],
  snapshotChunk: [10, SnapshotChunk],
  chunkAnswer: [11, ChunkAnswer],
  timeoutNow: [12, TimeoutNow],
  readRequest: [13, ReadRequest],
  readAnswer: [14, ReadAnswer],
})
export type RaftFrame = Infer<typeof RaftFrame>
