/**
 * Chunks back into a state. Nothing is believed: each chunk's checksum, their order, the order of
 * the keys and in the end the digest over everything must be right, or there is no state.
 */
import { digestOf, noRows, RunningSum, sumOf } from './digest.ts'
import { stateLimits } from './limits.ts'
import { type Octets, toOctets } from './octets.ts'
import { decodeChunk, SNAPSHOT_FORMAT, type SnapshotHead } from './snapshot-format.ts'
import { SortedLoad } from './sorted-load.ts'
import { type AuditMark, LEDGER_VERSION, type LedgerState } from './state.ts'

export type SnapshotFault =
  /** The chunk is torn, flipped, or none. */
  | 'damaged'
  /** Not the chunk that comes next. */
  | 'outOfOrder'
  /** A chunk of a snapshot of another state. */
  | 'otherSnapshot'
  /** Rows are not what rows must be: cut off, out of order, or more than announced. */
  | 'badRows'
  /** Everything is there and lawful, but it is not the state that was written. */
  | 'digestMismatch'
  /** Written by a newer program. */
  | 'formatUnsupported'
  | 'ledgerVersionUnsupported'

export type SnapshotProgress =
  | { kind: 'more' }
  | { kind: 'complete'; state: LedgerState }
  /** There is no way on from here: the snapshot is to be had anew. */
  | { kind: 'refused'; why: SnapshotFault; chunk: number }

export class SnapshotReader {
  private readonly supports: number
  private readonly load = new SortedLoad<Octets>()
  private readonly sum = new RunningSum(noRows)
  private head: SnapshotHead | undefined
  private digest = ''
  private chunks = 0
  private rows = 0
  private bytes = 0
  private ended: SnapshotProgress | undefined

  constructor(supports: number = LEDGER_VERSION) {
    this.supports = supports
  }

  /** In order. After the last one, or a refusal, the answer stays what it was. */
  push(bytes: Uint8Array): SnapshotProgress {
    if (this.ended !== undefined) return this.ended
    const fault = this.take(bytes)
    if (fault !== undefined) {
      this.ended = { kind: 'refused', why: fault, chunk: this.chunks }
      return this.ended
    }
    this.chunks++
    const { head } = this
    if (head === undefined || this.rows < head.rows) return { kind: 'more' }
    this.ended = this.complete(head)
    return this.ended
  }

  private take(bytes: Uint8Array): SnapshotFault | undefined {
    const chunk = decodeChunk(bytes)
    if (chunk === undefined) return 'damaged'
    if (chunk.number !== this.chunks) return 'outOfOrder'
    if (this.head === undefined) {
      if (chunk.head === undefined) return 'damaged'
      if (chunk.head.format !== SNAPSHOT_FORMAT) return 'formatUnsupported'
      if (chunk.head.version > this.supports) return 'ledgerVersionUnsupported'
      this.head = chunk.head
      this.digest = chunk.digest
    } else if (chunk.digest !== this.digest) return 'otherSnapshot'
    return this.takeRows(chunk.rows, this.head.rows) ? undefined : 'badRows'
  }

  private takeRows(bytes: Uint8Array, rowsMax: number): boolean {
    const lengths = new LengthReader(bytes)
    while (lengths.at < bytes.length) {
      const keyEnd = lengths.next()
      if (keyEnd === undefined) return false
      const key = toOctets(bytes, lengths.at, keyEnd)
      lengths.at = keyEnd
      const rowEnd = lengths.next()
      if (rowEnd === undefined || this.rows === rowsMax) return false
      const row = toOctets(bytes, lengths.at, rowEnd)
      lengths.at = rowEnd
      if (!this.load.push(key, row)) return false
      this.sum.add(key, row)
      this.rows++
      this.bytes += key.length + row.length + stateLimits.rowOverheadBytes
    }
    return true
  }

  private complete(head: SnapshotHead): SnapshotProgress {
    const { version, index, term, timeMs, estopFloor } = head
    const state: LedgerState = {
      index,
      term,
      timeMs,
      version,
      auditHead: markOf(head.auditHead),
      auditAnchor: markOf(head.auditAnchor),
      estopFloor,
      rows: this.load.finish(),
      sum: sumOf(this.sum),
      bytes: this.bytes,
    }
    if (digestOf(state) === this.digest) return { kind: 'complete', state }
    return { kind: 'refused', why: 'digestMismatch', chunk: this.chunks }
  }
}

/** Lengths of at most three bytes: no key or row is longer. */
class LengthReader {
  at = 0
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** Where the thing ends whose length stands here, or undefined when that is beyond the bytes. */
  next(): number | undefined {
    let length = 0
    for (let shift = 0; shift <= 14; shift += 7) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) return undefined
      length |= (byte & 127) << shift
      if (byte < 128) {
        const end = this.at + length
        return end <= this.bytes.length ? end : undefined
      }
    }
    return undefined
  }
}

function markOf({ sequence, hash }: SnapshotHead['auditHead']): AuditMark {
  return { sequence, hash: toOctets(hash) }
}
