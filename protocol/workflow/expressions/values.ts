/**
 * What expressions compute with. An int is a `bigint` of 64 bits, so that it is never mistaken for
 * a double and its overflow is seen; a `number` is a double. Numbers of JSON are doubles. Data from
 * outside is used as it is: an object is a map from strings, and nothing is copied to look at it.
 */
export class Duration {
  readonly ms: number

  constructor(ms: number) {
    this.ms = ms
  }
}

/** In UTC, to the millisecond. */
export class Timestamp {
  readonly ms: number

  constructor(ms: number) {
    this.ms = ms
  }
}

export type Key = string | bigint | boolean
export type Fields = { readonly [field: string]: Value }
export type Entries = ReadonlyMap<Key, Value>

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Duration
  | Timestamp
  | readonly Value[]
  | Entries
  | Fields

export const INT_MIN = -(2n ** 63n)
export const INT_MAX = 2n ** 63n - 1n

export type Kind =
  | 'null'
  | 'bool'
  | 'int'
  | 'double'
  | 'string'
  | 'duration'
  | 'timestamp'
  | 'list'
  | 'map'

export function kindOf(value: Value): Kind {
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'number':
      return 'double'
    case 'string':
      return 'string'
    default:
      if (value === null) return 'null'
      if (Array.isArray(value)) return 'list'
      if (value instanceof Duration) return 'duration'
      return value instanceof Timestamp ? 'timestamp' : 'map'
  }
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

export function isEntries(value: Value): value is Entries {
  return value instanceof Map
}

/** Undefined when there is none. An int finds the double of the same size, and the reverse. */
export function entryAt(map: Value, key: Value): Value | undefined {
  if (isEntries(map)) {
    return typeof key === 'number' && Number.isInteger(key)
      ? map.get(BigInt(key))
      : map.get(key as Key)
  }
  return typeof key === 'string' && Object.hasOwn(map as Fields, key)
    ? (map as Fields)[key]
    : undefined
}

export function keysOf(map: Value): readonly Key[] {
  return isEntries(map) ? [...map.keys()] : Object.keys(map as Fields)
}

export function sizeOf(map: Value): number {
  return isEntries(map) ? map.size : Object.keys(map as Fields).length
}

/** Characters as people count them, not halves of pairs. */
export function lengthOf(text: string): number {
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0xdc00 || unit > 0xdfff) length++
  }
  return length
}
