/**
 * The mesh's configuration in the ledger: the version that holds, and those before it. Each version is
 * whole, so that any of them can be gone back to by itself. Those before stand in a ring of rows, each
 * in the place of the one that is too old: what is kept is bounded without anybody clearing up.
 */
import type { MeshValues } from '../../agent/config/mesh.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { kvPut, kvRow } from '../../protocol/ledger/kv-rows.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { configNamespace } from '../../protocol/ledger/namespaces.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import {
  field,
  type Infer,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
} from '../../protocol/wire/schema.ts'
import { configLimits } from './limits.ts'

const NOW_KEY = 'now'
const VERSION_PREFIX = 'version/'
/** Places of the ring in the order of their numbers. */
const DIGITS = 3

const { keysMax, keyBytesMax, valueBytesMax, versionsMax } = configLimits
const note = () => text(stateLimits.noteBytesMax)
const name = () => text(keyBytesMax)

/** Field numbers are for ever. */
const ValueRow = message('ConfigValue', {
  key: field(1, name()),
  text: field(2, text(valueBytesMax)),
})

const VersionRow = message('ConfigVersion', {
  number: field(1, uint()),
  by: field(2, note()),
  atMs: field(3, uint()),
  reason: optional(4, note()),
  /** All that are set, and not only those that this version has changed. */
  values: repeated(5, nested(ValueRow), keysMax),
  set: repeated(6, name(), keysMax),
  unset: repeated(7, name(), keysMax),
  /** The version that it is equal to, where somebody has gone back to one. */
  rolledBackTo: optional(8, uint()),
})

export type Version = Omit<Infer<typeof VersionRow>, 'values'> & MeshValues

/** The version that holds, and at which revision of its row; undefined where nobody has set anything. */
export function currentIn(state: LedgerState): { version: Version; revision: number } | undefined {
  const held = kvRow(state, configNamespace, NOW_KEY)
  const version = held && versionFrom(held.value)
  return held !== undefined && version !== undefined
    ? { version, revision: held.revision }
    : undefined
}

/** Undefined of one that is not kept any more, or never was. */
export function versionIn(state: LedgerState, number: number): Version | undefined {
  const held = kvRow(state, configNamespace, keyOf(number))
  const version = held && versionFrom(held.value)
  return version?.number === number ? version : undefined
}

/** Newest first. */
export function versionsIn(state: LedgerState, last: number): Version[] {
  const newest = currentIn(state)?.version.number ?? 0
  const versions: Version[] = []
  const count = Math.min(newest, versionsMax, last)
  for (let number = newest; number > newest - count; number--) {
    const version = versionIn(state, number)
    if (version !== undefined) versions.push(version)
  }
  return versions
}

/** Both rows, or none: only if the one that holds is as it was seen; 0: only if there is none. */
export function putVersion(version: Version, revision: number): readonly SimpleCommand[] {
  const bytes = encodeVersion(version)
  return [
    kvPut(configNamespace, NOW_KEY, bytes, revision),
    kvPut(configNamespace, keyOf(version.number), bytes),
  ]
}

export function encodeVersion({ values, ...rest }: Version): Uint8Array {
  const rows = Object.entries(values).map(([key, text]) => ({ key, text }))
  return encode(VersionRow, { ...rest, values: rows })
}

/** Of a row as another host has written it: undefined where nobody can read it. */
export function versionFrom(bytes: Uint8Array): Version | undefined {
  const read = decode(VersionRow, bytes)
  if (!read.ok) return undefined
  const { values, ...rest } = read.value
  return { ...rest, values: Object.fromEntries(values.map(({ key, text }) => [key, text])) }
}

function keyOf(number: number): string {
  return VERSION_PREFIX + String(number % versionsMax).padStart(DIGITS, '0')
}
