/**
 * A fingerprint of the state that is kept up to date at the cost of the rows that changed: the sum
 * of the hashes of all rows, each of 128 bits over its key and content, added as four numbers modulo
 * 2^32; and SHA-256 over that sum and the rest of the state.
 *
 * Protects against accident: a bug, a bit that flipped in memory or on disk, a version that
 * behaves differently. Two states that differ by accident have the same digest with a chance of about
 * 2^-128. It does not protect against someone who may choose rows for the purpose: the hash of a row
 * is a fast one, and sums of hashes collide sooner than hashes (Wagner, 2002). Against such people
 * there are signatures and the audit chain.
 */
import { hash } from 'node:crypto'
import { encodeBriefly } from '../wire/codec.ts'
import { bytes, field, message, uint } from '../wire/schema.ts'
import { fromOctets, type Octets } from './octets.ts'
import { hashRow, rowHash } from './row-hash.ts'
import type { LedgerState } from './state.ts'

export interface RowSum {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
}

export const noRows: RowSum = { a: 0, b: 0, c: 0, d: 0 }

/** As it is now, of a sum that goes on. */
export function sumOf({ a, b, c, d }: RowSum): RowSum {
  return { a, b, c, d }
}

export class RunningSum implements RowSum {
  a: number
  b: number
  c: number
  d: number

  constructor(from: RowSum) {
    this.a = from.a
    this.b = from.b
    this.c = from.c
    this.d = from.d
  }

  become({ a, b, c, d }: RowSum): void {
    this.a = a
    this.b = b
    this.c = c
    this.d = d
  }

  add(key: string, row: Octets): void {
    hashRow(key, row)
    this.a = (this.a + rowHash.a) | 0
    this.b = (this.b + rowHash.b) | 0
    this.c = (this.c + rowHash.c) | 0
    this.d = (this.d + rowHash.d) | 0
  }

  subtract(key: string, row: Octets): void {
    hashRow(key, row)
    this.a = (this.a - rowHash.a) | 0
    this.b = (this.b - rowHash.b) | 0
    this.c = (this.c - rowHash.c) | 0
    this.d = (this.d - rowHash.d) | 0
  }
}

/** All of the state but its position in the log, so that an entry without effect changes nothing. */
const DigestInput = message('DigestInput', {
  a: field(1, uint()),
  b: field(2, uint()),
  c: field(3, uint()),
  d: field(4, uint()),
  rows: field(5, uint()),
  timeMs: field(6, uint()),
  version: field(7, uint()),
  auditSequence: field(8, uint()),
  auditHash: field(9, bytes(32)),
  anchorSequence: field(10, uint()),
  anchorHash: field(11, bytes(32)),
  estopFloor: field(12, uint()),
})

/** What of a state its digest is made of: of the rows, their sum and number stand for them all. */
export type DigestSource = Pick<
  LedgerState,
  'sum' | 'timeMs' | 'version' | 'auditHead' | 'auditAnchor' | 'estopFloor'
> & { readonly rows: { readonly size: number } }

/** That alone, without the rows: keeping it keeps no old state alive. */
export function sourceOf(state: DigestSource): DigestSource {
  const { timeMs, version, auditHead, auditAnchor, estopFloor } = state
  const rows = { size: state.rows.size }
  return { sum: sumOf(state.sum), rows, timeMs, version, auditHead, auditAnchor, estopFloor }
}

/** Digits of a digest that travel in gossip: enough to see that two differ. */
export const digitsTold = 16

/** 32 hexadecimal digits. States with the same content have the same digest, at whatever index. */
export function digestOf(state: DigestSource): string {
  const { a, b, c, d } = state.sum
  const input = encodeBriefly(DigestInput, {
    a: a >>> 0,
    b: b >>> 0,
    c: c >>> 0,
    d: d >>> 0,
    rows: state.rows.size,
    timeMs: state.timeMs,
    version: state.version,
    auditSequence: state.auditHead.sequence,
    auditHash: fromOctets(state.auditHead.hash),
    anchorSequence: state.auditAnchor.sequence,
    anchorHash: fromOctets(state.auditAnchor.hash),
    estopFloor: state.estopFloor,
  })
  return hash('sha256', input).slice(0, 32)
}
