/** What hosts send each other of the logs of attempts that run. Field numbers are for ever. */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import {
  bool,
  bytes,
  field,
  type Infer,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
} from '../../../protocol/wire/schema.ts'
import { AttemptId, Fence } from '../../../protocol/work/fence.ts'
import { copyLimits } from '../limits.ts'

export const COPY_SERVICE = 'work/log-copies'

const CopyPiece = message('LogCopyPiece', {
  id: field(1, nested(AttemptId)),
  fence: field(2, nested(Fence)),
  /** Its place in the log. */
  at: field(3, uint()),
  bytes: field(4, bytes(copyLimits.pieceBytesMax)),
  /** What was sent before of this attempt counts no more: it may have been of another life. */
  anew: optional(5, bool()),
})
export type CopyPiece = Infer<typeof CopyPiece>

const CopyUnwanted = message('LogCopyUnwanted', {
  id: field(1, nested(AttemptId)),
  fence: field(2, nested(Fence)),
})
export type CopyUnwanted = Infer<typeof CopyUnwanted>

/** Of attempts of the host that sends it, and of no other. */
export const CopyFrame = message('LogCopyFrame', {
  /** By its own calendar. */
  sentAtMs: field(1, uint()),
  pieces: repeated(2, nested(CopyPiece), copyLimits.piecesPerFrame),
  /** What came of them is committed: their logs need no copy. */
  unwanted: repeated(3, nested(CopyUnwanted), copyLimits.unwantedPerFrame),
})
export type CopyFrame = Infer<typeof CopyFrame>

export const CopyAnswer = message('LogCopyAnswer', { taken: field(1, bool()) })

/** One piece of a copy, as it lies on the disk of whoever keeps it. */
export const CopyRecord = message('LogCopyRecord', {
  owner: field(1, text<PeerId>(copyLimits.ownerBytesMax)),
  id: field(2, nested(AttemptId)),
  fence: field(3, nested(Fence)),
  at: field(4, uint()),
  bytes: field(5, bytes(2 * copyLimits.copyBytesMax)),
  /** When its host sent it, and when it was taken here. */
  sentAtMs: field(6, uint()),
  takenAtMs: field(7, uint()),
})
export type CopyRecord = Infer<typeof CopyRecord>
