/** Writing the audit log. The newest hash is in the state itself, and so in its digest. */
import { encode } from '../../wire/codec.ts'
import { field, type Infer, message, optional } from '../../wire/schema.ts'
import { AuditEntry, AuditRow, auditHash } from '../audit-chain.ts'
import { decodeRow, encodeRow, fromOctets, toOctets } from '../octets.ts'
import { auditRow } from '../rows.ts'
import type { Transaction } from '../transaction.ts'
import { done, fitsText, freeText, kind, refused } from './kind.ts'

/** What is written of a command before it is known what comes of it. */
export const AuditNote = message('AuditNote', {
  actor: field(1, freeText()),
  verb: field(2, freeText()),
  object: field(3, freeText()),
  from: optional(4, freeText()),
  reason: optional(5, freeText()),
  detail: optional(6, freeText()),
})
export type AuditNote = Infer<typeof AuditNote>

const AuditAppend = message('AuditAppend', {
  actor: field(1, freeText()),
  verb: field(2, freeText()),
  object: field(3, freeText()),
  from: optional(4, freeText()),
  reason: optional(5, freeText()),
  detail: optional(6, freeText()),
  outcome: field(7, freeText()),
})

export const auditKinds = {
  auditAppend: kind(12, 1, 'anywhere', AuditAppend, (tx, { outcome, ...note }) => {
    if (!fitsNote(tx, note) || !fitsText(outcome, tx.limits.noteBytesMax)) {
      return refused('tooLarge')
    }
    appendAudit(tx, note, outcome)
    return done(tx)
  }),
}

export function fitsNote({ limits }: Transaction, note: AuditNote): boolean {
  const short = [note.actor, note.verb, note.object, note.from, note.reason]
  return (
    short.every((part) => part === undefined || fitsText(part, limits.noteBytesMax)) &&
    fitsText(note.detail ?? '', limits.auditDetailBytesMax)
  )
}

/** Of a note that fits. Never refused for lack of room: the oldest entry gives way. */
export function appendAudit(tx: Transaction, note: AuditNote, outcome: string): void {
  const sequence = tx.auditHead.sequence + 1
  const entry: AuditEntry = { ...note, outcome, sequence, index: tx.index, timeMs: tx.timeMs }
  const body = encode(AuditEntry, entry)
  const hash = auditHash(tx.auditHead.hash, body)
  tx.put(auditRow(sequence), encodeRow(AuditRow, { body, hash: fromOctets(hash) }))
  tx.auditHead = { sequence, hash }
  tx.tell({ kind: 'audited', entry, hash })
  if (sequence - tx.auditAnchor.sequence > tx.limits.auditEntriesMax) dropOldest(tx)
}

function dropOldest(tx: Transaction): void {
  const sequence = tx.auditAnchor.sequence + 1
  const row = tx.get(auditRow(sequence))
  if (row === undefined) return
  tx.auditAnchor = { sequence, hash: toOctets(decodeRow(AuditRow, row).hash) }
  tx.delete(auditRow(sequence))
}
