/**
 * The audit log as a chain: the hash of each entry covers its bytes and the hash before it. Whoever
 * kept one hash can tell whether anything up to it was changed, and whoever kept the newest, whether
 * the tail was cut off (`audit-check.ts`).
 */
import { createHash } from 'node:crypto'
import { bytes, field, type Infer, message, optional, text, uint } from '../wire/schema.ts'
import { stateLimits } from './limits.ts'
import { fromOctets, type Octets, toOctets } from './octets.ts'

const { noteBytesMax, auditDetailBytesMax } = stateLimits

export const AuditEntry = message('AuditEntry', {
  /** From 1 on, without a gap. */
  sequence: field(1, uint()),
  index: field(2, uint()),
  timeMs: field(3, uint()),
  /** Who, what, to what, and what came of it. */
  actor: field(4, text(noteBytesMax)),
  verb: field(5, text(noteBytesMax)),
  object: field(6, text(noteBytesMax)),
  outcome: field(7, text(noteBytesMax)),
  /** From where. */
  from: optional(8, text(noteBytesMax)),
  reason: optional(9, text(noteBytesMax)),
  detail: optional(10, text(auditDetailBytesMax)),
})
export type AuditEntry = Infer<typeof AuditEntry>

/** An entry as it is kept: its bytes are what was hashed, and are never encoded anew. */
export const AuditRow = message('AuditRow', {
  body: field(1, bytes(stateLimits.kvValueBytesMax)),
  hash: field(2, bytes(32)),
})
export type AuditRow = Infer<typeof AuditRow>

/** What the hash is for, so that it can never pass for one of anything else. */
const context = 'skein audit v1\n'

export function auditHash(before: Octets, body: Uint8Array): Octets {
  const digest = createHash('sha256').update(context).update(fromOctets(before)).update(body)
  return toOctets(digest.digest())
}
