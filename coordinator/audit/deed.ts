/**
 * What is written of an act: who did what to what, from where, what was decided and what came of it.
 * Texts that are too long are cut here, because an act must not go unrecorded for its length.
 */
import type { AuditNote } from '../../protocol/ledger/commands/audit.ts'
import { auditLimits } from './limits.ts'

export type { AuditNote }

export interface Deed extends AuditNote {
  /** `ok`, or the code by which it was refused or has failed. */
  readonly outcome: string
}

/** What a person has signed, as far as it says whose act it was. */
export interface SignedDeed {
  readonly name: string
  readonly verb: string
  readonly object: string
  readonly issuedMs: number
  /** Good still, and not only when it was signed. */
  readonly isFresh: boolean
}

/**
 * One act on its way: what is to be written of it, and whether the ledger has that already because it
 * went there with the act itself.
 */
export interface Trail {
  note: AuditNote
  written: boolean
  /** What the person has signed, for a leader elsewhere. */
  readonly proof?: Uint8Array | undefined
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * What it was done to, by the name that it is found under later, and by the one that was signed for
 * where that is another: whoever leads takes a deed for a person’s by that one alone.
 */
export function asSigned(object: string, asked: string): string {
  return object.includes(asked) ? object : `${object}, asked for as ${asked}`
}

export function fitted<T extends AuditNote>(note: T): T {
  const { noteBytesMax, detailBytesMax } = auditLimits
  const { from, reason, detail } = note
  return {
    ...note,
    actor: cut(note.actor, noteBytesMax),
    verb: cut(note.verb, noteBytesMax),
    object: cut(note.object, noteBytesMax),
    ...(from === undefined ? {} : { from: cut(from, noteBytesMax) }),
    ...(reason === undefined ? {} : { reason: cut(reason, noteBytesMax) }),
    ...(detail === undefined ? {} : { detail: cut(detail, detailBytesMax) }),
  }
}

function cut(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text
  const bytes = encoder.encode(text)
  if (bytes.length <= bytesMax) return text
  const mark = encoder.encode('…')
  // A letter that the cut has halved goes with it.
  const kept = decoder.decode(bytes.subarray(0, bytesMax - mark.length)).replace(/\uFFFD+$/, '')
  return `${kept}…`
}
