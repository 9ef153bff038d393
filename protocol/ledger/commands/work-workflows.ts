/**
 * The texts of workflows, kept once under their hash for all runs of them, and names for those that
 * others start by name. A text comes in pieces, in any order; with the last, its hash is checked.
 *
 * References are counted: a text that a run or a name holds stays. One that nothing holds any more
 * leaves with the last that did; one that nothing held yet leaves when room is needed.
 */

import { field, type Infer, message, uint } from '../../wire/schema.ts'
import { canonicalHash } from '../../workflow/canonical.ts'
import { decodeRow, encodeRow, fromOctets, toOctets } from '../octets.ts'
import type { Result } from '../result.ts'
import { endOf, isName, tables } from '../rows.ts'
import type { Transaction } from '../transaction.ts'
import { done, freeBytes, freeText, kind, refused } from './kind.ts'
import {
  WorkflowName,
  WorkflowRow,
  workflowNameRow,
  workflowRow,
  workflowText,
  workflowTexts,
} from './work-rows.ts'

const WorkflowPut = message('WorkflowPut', {
  hash: field(1, freeText()),
  name: field(2, freeText()),
  /** Of how many pieces, and which one this is, from 0. */
  chunks: field(3, uint()),
  chunk: field(4, uint()),
  text: field(5, freeBytes()),
})

const WorkflowPublish = message('WorkflowPublish', {
  name: field(1, freeText()),
  hash: field(2, freeText()),
})

export const workflowKinds = {
  /** One piece, in place of what is there; of a text that is whole already, it changes nothing. */
  workflowPut: kind(18, 1, 'anywhere', WorkflowPut, put),
  /** From now on, the name means this one. Runs that have begun keep theirs. */
  workflowPublish: kind(19, 1, 'anywhere', WorkflowPublish, publish),
}

const hashForm = /^[0-9a-f]{64}$/

function put(tx: Transaction, value: Infer<typeof WorkflowPut>): Result {
  const { limits } = tx
  const { hash, name, chunks, chunk, text } = value
  if (!hashForm.test(hash) || !isName(name, limits.stageNameBytesMax)) return refused('badName')
  if (text.length > limits.workflowChunkBytesMax || chunks > limits.workflowChunksMax) {
    return refused('tooLarge')
  }
  if (chunk >= chunks) return refused('malformed')
  const held = readWorkflow(tx, hash)
  if (held !== undefined && held.held === held.chunks) return done(tx)
  // Somebody may have begun to cut it in another way, without coming to the end: then this way.
  const begun = held?.chunks === chunks ? held : undefined
  const at = workflowText(hash, chunk)
  const before = begun === undefined ? undefined : tx.get(at)
  const piece = toOctets(text)
  if (before === piece) return done(tx)
  const count = (begun?.held ?? 0) + (before === undefined ? 1 : 0)
  const isWhole = count === chunks
  // Some piece is wrong, and nobody knows which: those that are sent again take their places.
  if (isWhole && !isRight(tx, hash, chunk, text, chunks)) return refused('malformed')
  if (!tx.hasRoom(at, piece)) return refused('full')
  if (held === undefined && !makeRoom(tx)) return refused('full')
  if (held !== undefined && begun === undefined) forget(tx, hash)
  tx.put(at, piece)
  const row = begun ?? { name, chunks, references: 0, putMs: tx.timeMs }
  write(tx, hash, { ...row, held: count })
  if (isWhole) tx.tell({ kind: 'workflowStored', hash, name })
  return done(tx)
}

function isRight(
  tx: Transaction,
  hash: string,
  chunk: number,
  text: Uint8Array,
  chunks: number,
): boolean {
  const pieces: Uint8Array[] = []
  for (let i = 0; i < chunks; i++) {
    const held = i === chunk ? undefined : tx.get(workflowText(hash, i))
    pieces.push(held === undefined ? text : fromOctets(held))
  }
  return canonicalHash(Buffer.concat(pieces).toString()) === hash
}

function publish(tx: Transaction, { name, hash }: Infer<typeof WorkflowPublish>): Result {
  if (!isName(name, tx.limits.stageNameBytesMax)) return refused('badName')
  const at = workflowNameRow(name)
  const before = tx.get(at)
  const old = before === undefined ? undefined : decodeRow(WorkflowName, before)
  if (old?.hash === hash) return { code: 'ok', revision: old.revision }
  if (!holdWorkflow(tx, hash)) return refused('notFound')
  const row = encodeRow(WorkflowName, { hash, revision: tx.index })
  tx.put(at, row)
  if (old !== undefined) releaseWorkflow(tx, old.hash)
  tx.tell({ kind: 'workflowPublished', name, hash })
  return done(tx)
}

export function readWorkflow(tx: Transaction, hash: string): WorkflowRow | undefined {
  const row = tx.get(workflowRow(hash))
  return row === undefined ? undefined : decodeRow(WorkflowRow, row)
}

function write(tx: Transaction, hash: string, row: WorkflowRow): void {
  tx.put(workflowRow(hash), encodeRow(WorkflowRow, row))
}

/** False when it is not there, or not whole. */
export function holdWorkflow(tx: Transaction, hash: string): boolean {
  const row = readWorkflow(tx, hash)
  if (row === undefined || row.held < row.chunks) return false
  write(tx, hash, { ...row, references: row.references + 1 })
  return true
}

export function releaseWorkflow(tx: Transaction, hash: string): void {
  const row = readWorkflow(tx, hash)
  if (row === undefined) return
  if (row.references > 1) write(tx, hash, { ...row, references: row.references - 1 })
  else forget(tx, hash)
}

function forget(tx: Transaction, hash: string): void {
  const texts = workflowTexts(hash)
  for (const [at] of tx.range(texts, endOf(texts), tx.limits.workflowChunksMax)) tx.delete(at)
  tx.delete(workflowRow(hash))
}

function makeRoom(tx: Transaction): boolean {
  const { workflowsMax } = tx.limits
  if (tx.count(tables.workflow) < workflowsMax) return true
  let oldest: { hash: string; putMs: number } | undefined
  for (const [at, held] of tx.range(tables.workflow, endOf(tables.workflow), workflowsMax)) {
    const { references, putMs } = decodeRow(WorkflowRow, held)
    if (references > 0 || (oldest !== undefined && oldest.putMs <= putMs)) continue
    oldest = { hash: at.slice(tables.workflow.length), putMs }
  }
  if (oldest === undefined) return false
  forget(tx, oldest.hash)
  return true
}
