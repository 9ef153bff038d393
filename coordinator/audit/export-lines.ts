/**
 * The audit log as lines of JSON, one document each, that can be checked without the mesh: first what
 * the rest is held against (where the log begins and ends, and the heads that agents have signed),
 * then the entries. What is hashed is `body`; the words beside it are for readers, and are checked
 * against it.
 */
import * as z from 'zod'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { AuditEntry, type AuditRow } from '../../protocol/ledger/audit-chain.ts'
import type { PeerHead } from '../../protocol/ledger/audit-heads.ts'
import { fromOctets, toOctets } from '../../protocol/ledger/octets.ts'
import type { AuditMark } from '../../protocol/ledger/state.ts'
import { decode } from '../../protocol/wire/codec.ts'

const schemaVersion = z.literal(1)
const hex = z.string().regex(/^[0-9a-f]{64}$/)
const sequence = z.number().int().min(0)
export const Mark = z.strictObject({ sequence, hash: hex })

export const EntryWords = z.strictObject({
  sequence,
  timeMs: z.number().describe('By the clock of whoever led'),
  actor: z.string().describe('A person’s name, or the id of an agent that decided by itself'),
  verb: z.string(),
  object: z.string(),
  outcome: z.string().describe('`ok`, or the code of the refusal or failure'),
  from: z.string().optional(),
  reason: z.string().optional(),
  detail: z.string().optional(),
})
export type EntryWords = z.infer<typeof EntryWords>

export const ExportLine = z.discriminatedUnion('kind', [
  z.strictObject({
    schemaVersion,
    kind: z.literal('begin'),
    mesh: z.string(),
    by: z.string().describe('The agent that wrote it'),
    after: Mark.describe('What the first entry follows'),
    head: Mark.describe('What the last entry is'),
  }),
  z.strictObject({
    schemaVersion,
    kind: z.literal('head'),
    peer: z.string(),
    name: z.string(),
    ...Mark.shape,
    signature: z.string(),
  }),
  z.strictObject({
    schemaVersion,
    kind: z.literal('entry'),
    ...EntryWords.shape,
    body: z.string(),
    hash: hex,
  }),
])
export type ExportLine = z.infer<typeof ExportLine>
type LineOf<K extends ExportLine['kind']> = Extract<ExportLine, { kind: K }>

export function markTold({ sequence, hash }: AuditMark): z.infer<typeof Mark> {
  return { sequence, hash: hexOf(fromOctets(hash)) }
}

export function markRead({ sequence, hash }: z.infer<typeof Mark>): AuditMark {
  return { sequence, hash: toOctets(Buffer.from(hash, 'hex')) }
}

export function headLine(head: PeerHead, name: string): LineOf<'head'> {
  const { peer, sequence, hash, signature } = head
  const told = { peer, name, sequence, hash: hexOf(hash), signature: base64(signature) }
  return { schemaVersion: 1, kind: 'head', ...told }
}

export function headIn({ peer, sequence, hash, signature }: LineOf<'head'>): PeerHead {
  const bytes = { hash: Buffer.from(hash, 'hex'), signature: Buffer.from(signature, 'base64') }
  return { peer: peer as PeerId, sequence, ...bytes }
}

export function entryLine(entry: EntryWords, { body, hash }: AuditRow): LineOf<'entry'> {
  return {
    schemaVersion: 1,
    kind: 'entry',
    ...wordsOf(entry),
    body: base64(body),
    hash: hexOf(hash),
  }
}

/** The row, and whether the words beside it are its own. */
export function entryIn(line: LineOf<'entry'>): { row: AuditRow; fits: boolean } {
  const row = { body: Buffer.from(line.body, 'base64'), hash: Buffer.from(line.hash, 'hex') }
  const read = decode(AuditEntry, row.body)
  const { schemaVersion: _, kind: __, body: ___, hash: ____, ...words } = line
  const fits =
    read.ok &&
    base64(row.body) === line.body &&
    JSON.stringify(wordsOf(read.value)) === JSON.stringify(wordsOf(words))
  return { row, fits }
}

export function wordsOf(entry: EntryWords): EntryWords {
  const { sequence, timeMs, actor, verb, object, outcome, from, reason, detail } = entry
  return {
    sequence,
    timeMs,
    actor,
    verb,
    object,
    outcome,
    ...(from === undefined ? {} : { from }),
    ...(reason === undefined ? {} : { reason }),
    ...(detail === undefined ? {} : { detail }),
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
