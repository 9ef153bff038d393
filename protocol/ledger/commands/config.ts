/** Settings of the mesh, by key. What a key means and which values it may have is its reader's. */
import { field, type Infer, message, optional, text, uint } from '../../wire/schema.ts'
import { stateLimits } from '../limits.ts'
import { decodeRow, encodeRow, type Octets } from '../octets.ts'
import type { Result } from '../result.ts'
import { configRow, isName, tables } from '../rows.ts'
import type { Transaction } from '../transaction.ts'
import { done, fitsText, freeText, kind, refused } from './kind.ts'

export const ConfigRow = message('ConfigRow', {
  /** The index of the entry that set it. */
  version: field(1, uint()),
  value: field(2, text(stateLimits.configValueBytesMax)),
})

const ConfigSet = message('ConfigSet', {
  key: field(1, freeText()),
  value: field(2, freeText()),
  /** Only if the key is at this version; 0: only if it is not set. Absent: in any case. */
  expect: optional(3, uint()),
})

const ConfigUnset = message('ConfigUnset', {
  key: field(1, freeText()),
  expect: optional(2, uint()),
})

export const configKinds = {
  configSet: kind(3, 1, 'anywhere', ConfigSet, set),
  configUnset: kind(4, 1, 'anywhere', ConfigUnset, unset),
}

function set(tx: Transaction, { key, value, expect }: Infer<typeof ConfigSet>): Result {
  const { limits } = tx
  if (!isName(key, limits.configKeyBytesMax)) return refused('badName')
  if (!fitsText(value, limits.configValueBytesMax)) return refused('tooLarge')
  const at = configRow(key)
  const held = tx.get(at)
  const revision = versionOf(held)
  if (expect !== undefined && revision !== expect) return { code: 'conflict', revision }
  const row = encodeRow(ConfigRow, { version: tx.index, value })
  const isNew = held === undefined
  if (!tx.hasRoom(at, row) || (isNew && tx.count(tables.config) >= limits.configKeysMax)) {
    return refused('full')
  }
  tx.put(at, row)
  tx.tell({ kind: 'configSet', key, value })
  return done(tx)
}

function unset(tx: Transaction, { key, expect }: Infer<typeof ConfigUnset>): Result {
  if (!isName(key, tx.limits.configKeyBytesMax)) return refused('badName')
  const at = configRow(key)
  const held = tx.get(at)
  if (held === undefined) return refused('notFound')
  const revision = versionOf(held)
  if (expect !== undefined && revision !== expect) return { code: 'conflict', revision }
  tx.delete(at)
  tx.tell({ kind: 'configUnset', key })
  return done(tx)
}

function versionOf(row: Octets | undefined): number {
  return row === undefined ? 0 : decodeRow(ConfigRow, row).version
}
