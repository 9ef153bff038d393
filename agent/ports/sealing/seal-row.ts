/**
 * The one row of a sealed store that says how it is sealed: by a key of its own, which is sealed by
 * the key that its operator keeps elsewhere. While the store goes over from one key to another, or
 * from none, both are there, and how far it has come.
 */
import { sealBytes, sealKeyBytes, type ValueSeal } from './value-seal.ts'

export const sealRowKey = 'disk/sealed'

export interface SealRow {
  readonly key: Uint8Array
  /** Undefined when all is sealed by `key`. */
  readonly going: Going | undefined
}

export interface Going {
  /** What is not done yet is sealed by this; undefined: by nothing. */
  readonly from: Uint8Array | undefined
  /** The last key of the store that is done. */
  readonly doneTo: string
}

const places = { key: `${sealRowKey}/key`, from: `${sealRowKey}/from` }
const wrappedBytes = sealKeyBytes + sealBytes
const kinds = { done: 0, fromPlain: 1, fromSealed: 2 } as const

/** `by`: the operator's key. */
export function encodeSealRow({ key, going }: SealRow, by: ValueSeal): Uint8Array {
  const wrapped = by.seal(places.key, key)
  if (going === undefined) return Buffer.concat([Buffer.of(kinds.done), wrapped])
  const { from, doneTo } = going
  const kind = from === undefined ? kinds.fromPlain : kinds.fromSealed
  const old = from === undefined ? Buffer.of() : by.seal(places.from, from)
  return Buffer.concat([Buffer.of(kind), wrapped, old, Buffer.from(doneTo)])
}

/** Undefined when it is not this operator's key, or the row is no such row. */
export function decodeSealRow(row: Uint8Array, by: ValueSeal): SealRow | undefined {
  const [kind] = row
  const key = by.open(places.key, row.subarray(1, 1 + wrappedBytes))
  if (key === undefined) return undefined
  const rest = row.subarray(1 + wrappedBytes)
  if (kind === kinds.done) return { key, going: undefined }
  if (kind === kinds.fromPlain) return { key, going: { from: undefined, doneTo: textOf(rest) } }
  if (kind !== kinds.fromSealed) return undefined
  const from = by.open(places.from, rest.subarray(0, wrappedBytes))
  return from && { key, going: { from, doneTo: textOf(rest.subarray(wrappedBytes)) } }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
