/**
 * A key-value store for modules, each in a namespace of its own. The revision of a key is the index
 * of the entry that wrote it, so it is never used twice, also not by a key that was deleted and
 * written again.
 */

import { varintBytesMax } from '../../wire/limits.ts'
import { quick } from '../../wire/quick.ts'
import { field, type Infer, message, optional, uint } from '../../wire/schema.ts'
import { putVarint } from '../../wire/varint.ts'
import { stateLimits } from '../limits.ts'
import { fromOctets, type Octets, toOctets } from '../octets.ts'
import type { Result } from '../result.ts'
import { isName, isNamespace, kvRow } from '../rows.ts'
import type { Transaction } from '../transaction.ts'
import { done, freeBytes, freeBytesMax, freeText, kind, refused } from './kind.ts'

/** A row is the revision, a varint, and the value. By hand: there are a million of them. */
const scratch = new Uint8Array(varintBytesMax + stateLimits.kvValueBytesMax)

function packRow(revision: number, value: Uint8Array): Octets {
  const start = putVarint(scratch, 0, revision)
  scratch.set(value, start)
  return toOctets(scratch, 0, start + value.length)
}

/** The revision, and where in the row the value begins. */
function revisionIn(row: Octets): { revision: number; valueAt: number } {
  let revision = 0
  let scale = 1
  for (let at = 0; ; at++) {
    const byte = row.charCodeAt(at)
    revision += (byte & 127) * scale
    if (byte < 128) return { revision, valueAt: at + 1 }
    scale *= 128
  }
}

export function unpackRow(row: Octets): { revision: number; value: Uint8Array } {
  const { revision, valueAt } = revisionIn(row)
  return { revision, value: fromOctets(row.slice(valueAt) as Octets) }
}

const AnyKvPut = message('KvPut', {
  namespace: field(1, freeText()),
  key: field(2, freeText()),
  value: field(3, freeBytes()),
  /** Only if the key is at this revision; 0: only if it is not there. Absent: in any case. */
  expect: optional(4, uint()),
})
const KvPut = quick(AnyKvPut, (reader) => {
  if (!reader.comes(0x0a)) return undefined
  const namespace = reader.text(freeBytesMax)
  if (!reader.comes(0x12)) return undefined
  const key = reader.text(freeBytesMax)
  if (!reader.comes(0x1a)) return undefined
  return { namespace, key, value: reader.view(freeBytesMax) }
})

const KvDelete = message('KvDelete', {
  namespace: field(1, freeText()),
  key: field(2, freeText()),
  expect: optional(3, uint()),
})

export const kvKinds = {
  kvPut: kind(1, 1, 'anywhere', KvPut, put),
  kvDelete: kind(2, 1, 'anywhere', KvDelete, remove),
}

function put(tx: Transaction, { namespace, key, value, expect }: Infer<typeof KvPut>): Result {
  if (!isAddress(tx, namespace, key)) return refused('badName')
  if (value.length > tx.limits.kvValueBytesMax) return refused('tooLarge')
  const at = kvRow(namespace, key)
  if (expect !== undefined) {
    const revision = revisionOf(tx.get(at))
    if (revision !== expect) return { code: 'conflict', revision }
  }
  const row = packRow(tx.index, value)
  if (!tx.hasRoom(at, row)) return refused('full')
  tx.put(at, row)
  tx.tell({ kind: 'kvPut', namespace, key, value: row.slice(row.length - value.length) as Octets })
  return done(tx)
}

function remove(tx: Transaction, { namespace, key, expect }: Infer<typeof KvDelete>): Result {
  if (!isAddress(tx, namespace, key)) return refused('badName')
  const at = kvRow(namespace, key)
  const held = tx.get(at)
  if (held === undefined) return refused('notFound')
  const revision = revisionOf(held)
  if (expect !== undefined && revision !== expect) return { code: 'conflict', revision }
  tx.delete(at)
  tx.tell({ kind: 'kvDeleted', namespace, key })
  return done(tx)
}

function isAddress({ limits }: Transaction, namespace: string, key: string): boolean {
  return isNamespace(namespace, limits.kvNamespaceBytesMax) && isName(key, limits.kvKeyBytesMax)
}

function revisionOf(row: Octets | undefined): number {
  return row === undefined ? 0 : revisionIn(row).revision
}
