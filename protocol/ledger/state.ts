/**
 * The replicated state: a value. Applying an entry makes a new one and leaves the old one as it
 * was, so whoever holds a state may read it, or write it to a snapshot, for as long as they like.
 */
import { noRows, type RowSum } from './digest.ts'
import type { Octets } from './octets.ts'
import { OrderedMap } from './ordered-map.ts'

/**
 * The newest ledger version that this program can apply, and the one that a new mesh begins with.
 * 2: `runAgain`.
 * 3: `workWave`.
 * 4: `workRace`.
 */
export const LEDGER_VERSION = 4
export const FIRST_LEDGER_VERSION = 1

/** A place in the audit chain: an entry's number, from 1 on, and its hash (32 bytes). */
export interface AuditMark {
  readonly sequence: number
  readonly hash: Octets
}

export interface LedgerState {
  /** The entry applied last, 0 before the first. Not part of the digest. */
  readonly index: number
  readonly term: number
  /** The latest time that a leader has written. Invariant: never goes back. */
  readonly timeMs: number
  /** What all voters have agreed to understand. Never goes back. */
  readonly version: number
  readonly auditHead: AuditMark
  /** The last audit entry that is no longer kept: what the kept ones begin with. */
  readonly auditAnchor: AuditMark
  /** E-stop records up to this epoch may have been forgotten: none of a scope unknown is taken. */
  readonly estopFloor: number
  readonly rows: OrderedMap<Octets>
  /** Of all rows. Derived from them. */
  readonly sum: RowSum
  /** Keys, rows and their overhead. Derived from them. */
  readonly bytes: number
}

const beforeFirstAudit: AuditMark = { sequence: 0, hash: '\0'.repeat(32) as Octets }

/** What every replica of a new mesh begins with. */
export const genesis: LedgerState = {
  index: 0,
  term: 0,
  timeMs: 0,
  version: FIRST_LEDGER_VERSION,
  auditHead: beforeFirstAudit,
  auditAnchor: beforeFirstAudit,
  estopFloor: 0,
  rows: OrderedMap.empty<Octets>(),
  sum: noRows,
  bytes: 0,
}
