/** One copy of the end of a log: its pieces, how it grows, and where they lie on the disk. */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { DiskOp } from '../../../protocol/ports/disk.ts'
import { type AttemptId, attemptKey, type Fence, sameFence } from '../../../protocol/work/fence.ts'
import { copyLimits } from '../limits.ts'
import { copyPrefix } from '../records.ts'
import type { CopyPiece, CopyRecord } from './copy-wire.ts'

export interface Kept {
  /** Names its pieces on the disk. */
  readonly number: number
  readonly owner: PeerId
  readonly id: AttemptId
  readonly fence: Fence
  /** One after the other, without gaps. */
  pieces: { at: number; length: number }[]
  sentAtMs: number
  takenAtMs: number
}

/** What of a piece is new, and whether it goes on where the copy ends. */
export function freshOf(
  { at, bytes, fence, anew }: CopyPiece,
  known: Kept | undefined,
): { at: number; bytes: Uint8Array; isNext: boolean } | undefined {
  if (bytes.length === 0) return undefined
  if (known === undefined || anew === true || !sameFence(known.fence, fence)) {
    return { at, bytes, isNext: false }
  }
  const endsAt = endOf(known)
  if (at > endsAt) return { at, bytes, isNext: false }
  const fresh = bytes.subarray(endsAt - at)
  return fresh.length === 0 ? undefined : { at: endsAt, bytes: fresh, isNext: true }
}

/** The first pieces of a copy that is long enough without them. */
export function cut(kept: Kept): DiskOp[] {
  const ops: DiskOp[] = []
  let length = kept.pieces.reduce((sum, piece) => sum + piece.length, 0)
  for (let first = kept.pieces[0]; first !== undefined; first = kept.pieces[0]) {
    if (length - first.length < copyLimits.copyBytesMax) break
    length -= first.length
    kept.pieces.shift()
    ops.push({ del: pieceKey(kept, first.at) })
  }
  return ops
}

/** A piece that an earlier life has left. They come in their order. */
export function meet(found: Map<number, Kept>, number: number, record: CopyRecord): void {
  const { owner, id, fence, at, bytes, sentAtMs, takenAtMs } = record
  const known = found.get(number)
  const kept: Kept = known ?? {
    number,
    owner,
    id,
    fence,
    pieces: [],
    sentAtMs,
    takenAtMs,
  }
  kept.pieces.push({ at, length: bytes.length })
  kept.sentAtMs = Math.max(kept.sentAtMs, sentAtMs)
  kept.takenAtMs = Math.max(kept.takenAtMs, takenAtMs)
  found.set(number, kept)
}

export function recordOf(kept: Kept, at: number, bytes: Uint8Array): CopyRecord {
  const { id, fence, sentAtMs, takenAtMs } = kept
  return { owner: kept.owner, id, fence, at, bytes, sentAtMs, takenAtMs }
}

function endOf({ pieces }: Kept): number {
  const last = pieces.at(-1)
  return last === undefined ? 0 : last.at + last.length
}

export function bytesOf({ pieces }: Kept): number {
  return pieces.reduce((sum, { length }) => sum + length + copyLimits.pieceCostBytes, 0)
}

export function keyOf(owner: PeerId, id: AttemptId): string {
  return `${owner} ${attemptKey(id)}`
}

/** In the order of their places in the log. */
export function pieceKey(kept: Kept, at: number): string {
  return piecesOf(kept) + String(at).padStart(16, '0')
}

/** What the keys of all its pieces begin with. */
export function piecesOf({ number }: Kept): string {
  return `${copyPrefix}${number}/`
}

export function numberIn(key: string): number {
  return Number(key.slice(copyPrefix.length).split('/')[0])
}
