/**
 * What goes over a stream of `/skein/artifacts/1`. Whoever opens it asks, the other answers in the
 * order asked, in pieces. Whether an answer is right, the asker can tell by what it asked for.
 */
import type { Purpose } from '../ports/network.ts'
import { bool, bytes, field, type Infer, message, text, uint, union } from '../wire/schema.ts'
import type { ContentHash } from './hashes.ts'
import { artifactLimits as limits } from './limits.ts'

export const artifactPurpose: Purpose = '/skein/artifacts/1'

export const AskManifest = message('AskManifest', {
  /** Counts up from 1 on each stream; the answer bears it. */
  serial: field(1, uint()),
  manifest: field(2, text<ContentHash>(64)),
})

export const AskChunk = message('AskChunk', {
  serial: field(1, uint()),
  blob: field(2, text<ContentHash>(64)),
  index: field(3, uint()),
})

/** Pieces of one answer come in order, with nothing in between. */
export const Piece = message('Piece', {
  serial: field(1, uint()),
  bytes: field(2, bytes(limits.pieceBytesMax)),
  last: field(3, bool()),
})

export const refusalCodes = [
  /** It is not here, or not any more. */
  'notHeld',
  /** Others are served. Ask again later, or somebody else. */
  'busy',
  /** What lies here is not what it should be; the holder has just found that out. */
  'damaged',
] as const
export type RefusalCode = (typeof refusalCodes)[number]

export const Refused = message('Refused', {
  serial: field(1, uint()),
  code: field(2, text<RefusalCode>(32)),
})

export const ArtifactFrame = union('ArtifactFrame', {
  askManifest: [1, AskManifest],
  askChunk: [2, AskChunk],
  piece: [3, Piece],
  refused: [4, Refused],
})
export type ArtifactFrame = Infer<typeof ArtifactFrame>
export type Ask = Extract<ArtifactFrame, { kind: 'askManifest' | 'askChunk' }>
