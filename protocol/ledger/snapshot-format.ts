/**
 * A snapshot as a sequence of chunks, each readable by itself: a CRC-32, so that a torn or flipped
 * one is known at once and by number, and a message. The rows of all chunks, in order, are the
 * state's; the digest, which every chunk carries, proves that they are all there and right.
 */
import { crc32 } from 'node:zlib'
import { decode, encode } from '../wire/codec.ts'
import { bytes, field, type Infer, message, nested, optional, text, uint } from '../wire/schema.ts'
import { localLimits } from './limits.ts'

export const SNAPSHOT_FORMAT = 1

const AuditMarkForm = message('AuditMark', {
  sequence: field(1, uint()),
  hash: field(2, bytes(32)),
})

/** All of the state but its rows. */
export const SnapshotHead = message('SnapshotHead', {
  format: field(1, uint()),
  version: field(2, uint()),
  index: field(3, uint()),
  term: field(4, uint()),
  timeMs: field(5, uint()),
  auditHead: field(6, nested(AuditMarkForm)),
  auditAnchor: field(7, nested(AuditMarkForm)),
  estopFloor: field(8, uint()),
  rows: field(9, uint()),
})
export type SnapshotHead = Infer<typeof SnapshotHead>

export const SnapshotChunk = message('SnapshotChunk', {
  /** From 0 on. */
  number: field(1, uint()),
  /** Of the state, and so the snapshot's name. */
  digest: field(2, text(32)),
  /** In the first chunk only. */
  head: optional(3, nested(SnapshotHead)),
  /** For each row: length of the key, key, length of the row, row. */
  rows: field(4, bytes(localLimits.snapshotChunkBytesMax)),
})
export type SnapshotChunk = Infer<typeof SnapshotChunk>

const checksumBytes = 4

export function encodeChunk(chunk: SnapshotChunk): Uint8Array {
  const body = encode(SnapshotChunk, chunk)
  const whole = new Uint8Array(checksumBytes + body.length)
  new DataView(whole.buffer).setUint32(0, crc32(body), true)
  whole.set(body, checksumBytes)
  return whole
}

/** Undefined for bytes that are not a whole and undamaged chunk. Never throws. */
export function decodeChunk(whole: Uint8Array): SnapshotChunk | undefined {
  if (whole.length <= checksumBytes) return undefined
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength)
  const body = whole.subarray(checksumBytes)
  if (view.getUint32(0, true) !== crc32(body)) return undefined
  const read = decode(SnapshotChunk, body)
  return read.ok ? read.value : undefined
}
