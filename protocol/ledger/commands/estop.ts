/**
 * The record of emergency stops: for each scope, the newest word. The stop itself is a latch on
 * every agent and needs no ledger; this is where it is written down, in time or afterwards.
 *
 * Invariant: the epoch of a scope never goes back, so a release that comes late releases nothing.
 * The same word again is welcome and changes nothing. A raise is never refused for lack of room as
 * long as some other scope is released: the oldest release gives way, and the floor remembers.
 */
import { bytes, field, type Infer, message, optional, text, uint } from '../../wire/schema.ts'
import { stateLimits } from '../limits.ts'
import { decodeRow, encodeRow } from '../octets.ts'
import type { Result } from '../result.ts'
import { endOf, estopRow, isName, tables } from '../rows.ts'
import type { Transaction } from '../transaction.ts'
import { done, fitsText, freeBytes, freeText, kind, refused } from './kind.ts'

export const EstopRow = message('EstopRow', {
  scope: field(1, text(stateLimits.estopScopeBytesMax)),
  epoch: field(2, uint()),
  /** `kill`, `drain`, or empty for a release. */
  mode: field(3, text(stateLimits.noteBytesMax)),
  by: field(4, text(stateLimits.noteBytesMax)),
  reason: field(5, text(stateLimits.noteBytesMax)),
  /** The signed command that it was, for whoever wants to check. */
  proof: optional(6, bytes(stateLimits.estopProofBytesMax)),
  revision: field(7, uint()),
  recordedMs: field(8, uint()),
})
export type EstopRow = Infer<typeof EstopRow>

const EstopRaise = message('EstopRaise', {
  /** `mesh`, `label:k=v` or `run:id`. */
  scope: field(1, freeText()),
  epoch: field(2, uint()),
  mode: field(3, freeText()),
  by: field(4, freeText()),
  reason: field(5, freeText()),
  proof: optional(6, freeBytes()),
})

const EstopReset = message('EstopReset', {
  scope: field(1, freeText()),
  epoch: field(2, uint()),
  by: field(3, freeText()),
  reason: field(4, freeText()),
  proof: optional(5, freeBytes()),
})

type Word = Omit<EstopRow, 'revision' | 'recordedMs'>

export const estopKinds = {
  estopRaise: kind(10, 1, 'anywhere', EstopRaise, (tx, value) => {
    if (value.mode !== 'kill' && value.mode !== 'drain') return refused('badName')
    return record(tx, value)
  }),
  estopReset: kind(11, 1, 'anywhere', EstopReset, (tx, value) => {
    if (tx.get(estopRow(value.scope)) === undefined) return refused('notFound')
    return record(tx, { ...value, mode: '' })
  }),
}

export function isRaised(row: EstopRow): boolean {
  return row.mode !== ''
}

function record(tx: Transaction, word: Word): Result {
  const refusal = check(tx, word)
  if (refusal !== undefined) return refused(refusal)
  const at = estopRow(word.scope)
  const held = tx.get(at)
  if (held !== undefined) {
    const before = decodeRow(EstopRow, held)
    if (isSameWord(before, word)) return { code: 'ok', revision: before.revision }
    if (word.epoch <= before.epoch) return { code: 'stale', revision: before.epoch }
  } else {
    if (word.epoch <= tx.estopFloor) return { code: 'stale', revision: tx.estopFloor }
    if (!makeRoom(tx)) return refused('full')
  }
  tx.put(at, encodeRow(EstopRow, { ...word, revision: tx.index, recordedMs: tx.timeMs }))
  const { scope, epoch, mode, by, reason } = word
  if (mode === '') tx.tell({ kind: 'estopReset', scope, epoch, by, reason })
  else tx.tell({ kind: 'estopRaised', scope, epoch, mode, by, reason })
  return done(tx)
}

function check({ limits }: Transaction, word: Word): 'badName' | 'tooLarge' | undefined {
  if (!isName(word.scope, limits.estopScopeBytesMax)) return 'badName'
  const fits =
    word.epoch > 0 &&
    fitsText(word.by, limits.noteBytesMax) &&
    fitsText(word.reason, limits.noteBytesMax) &&
    (word.proof?.length ?? 0) <= limits.estopProofBytesMax
  return fits ? undefined : 'tooLarge'
}

/** Who was first to record it, and when, does not matter; nor whose signature came along. */
function isSameWord(before: EstopRow, word: Word): boolean {
  return (
    before.epoch === word.epoch &&
    before.mode === word.mode &&
    before.by === word.by &&
    before.reason === word.reason
  )
}

function makeRoom(tx: Transaction): boolean {
  const { estopScopesMax } = tx.limits
  if (tx.count(tables.estop) < estopScopesMax) return true
  let oldest: { at: string; epoch: number } | undefined
  for (const [at, row] of tx.range(tables.estop, endOf(tables.estop), estopScopesMax)) {
    const word = decodeRow(EstopRow, row)
    if (isRaised(word) || (oldest !== undefined && oldest.epoch <= word.epoch)) continue
    oldest = { at, epoch: word.epoch }
  }
  if (oldest === undefined) return false
  tx.delete(oldest.at)
  tx.estopFloor = Math.max(tx.estopFloor, oldest.epoch)
  return true
}
