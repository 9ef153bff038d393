/**
 * A state as chunks, one at a time, for as long as the reader takes: the state is a value, so new
 * entries may be applied meanwhile. The same state gives the same bytes on every replica.
 */
import { putVarint, varintLength } from '../wire/varint.ts'
import { digestOf } from './digest.ts'
import { localLimits } from './limits.ts'
import { fromOctets, putOctets } from './octets.ts'
import { encodeChunk, SNAPSHOT_FORMAT, type SnapshotHead } from './snapshot-format.ts'
import type { AuditMark, LedgerState } from './state.ts'

/** Most ledgers are small, and half a megabyte costs more to clear than such a one to write. */
const firstBufferBytes = 16 * 1024

/** Each chunk is at most `snapshotChunkBytesMax` and the few bytes of its frame. At least one comes. */
export function* writeSnapshot(
  state: LedgerState,
  chunkBytes: number = localLimits.snapshotChunkBytes,
): Generator<Uint8Array, void, undefined> {
  const digest = digestOf(state)
  let buffer = new Uint8Array(Math.min(firstBufferBytes, localLimits.snapshotChunkBytesMax))
  let number = 0
  let at = 0
  const close = () => {
    const chunk = { number, digest, rows: buffer.subarray(0, at) }
    const bytes = encodeChunk(number === 0 ? { ...chunk, head: headOf(state) } : chunk)
    number++
    at = 0
    return bytes
  }
  for (const [key, row] of state.rows.entries()) {
    const needed = varintLength(key.length) + key.length + varintLength(row.length) + row.length
    if (at > 0 && at + needed > chunkBytes) yield close()
    if (at + needed > buffer.length) buffer = grown(buffer, at + needed)
    at = putVarint(buffer, at, key.length)
    at = putOctets(buffer, at, key)
    at = putVarint(buffer, at, row.length)
    at = putOctets(buffer, at, row)
  }
  if (at > 0 || number === 0) yield close()
}

/** At least twice as large, so that what is copied stays in proportion to what is written. */
function grown(buffer: Uint8Array<ArrayBuffer>, bytes: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(
    Math.min(Math.max(2 * buffer.length, bytes), localLimits.snapshotChunkBytesMax),
  )
  larger.set(buffer)
  return larger
}

function headOf(state: LedgerState): SnapshotHead {
  const { version, index, term, timeMs, estopFloor } = state
  return {
    format: SNAPSHOT_FORMAT,
    version,
    index,
    term,
    timeMs,
    auditHead: markOf(state.auditHead),
    auditAnchor: markOf(state.auditAnchor),
    estopFloor,
    rows: state.rows.size,
  }
}

function markOf({ sequence, hash }: AuditMark): SnapshotHead['auditHead'] {
  return { sequence, hash: fromOctets(hash) }
}
