/**
 * What a message may say of one of its fields: that it is there, that it may be, that there are
 * many. Each compiles once, into a writer and a reader for exactly that field.
 */
import { AssertionFailed, assert } from '../assert.ts'
import { fieldNumberMax } from './limits.ts'
import { type Reader, wireLength } from './reader.ts'
import { assertLimit, type ValueType } from './value-types.ts'
import type { Writer } from './writer.ts'

export type Rule = 'required' | 'optional' | 'repeated' | 'map'

/** A message under construction or taken apart: its fields by name. */
export type Fields = Record<string, unknown>

/** `T` is what the field holds, the list or record itself where there are many. */
export interface Field<T, R extends Rule = Rule> {
  readonly rule: R
  readonly number: number
  readonly depth: number
  /** Binds the field to the name that it has in a message. */
  compile(name: string, where: string): CompiledField
  /** Only for the compiler: carries `T`. */
  readonly holds?: T
}

export interface CompiledField {
  readonly name: string
  readonly where: string
  readonly rule: Rule
  readonly tag: number
  /** Of the value, or of each in a list; undefined for a map. */
  readonly type?: ValueType<unknown>
  /** Of a list. */
  readonly max?: number
  write(writer: Writer, message: Fields): void
  /** Takes one occurrence, of the wire type found, and puts it into the message. */
  read(reader: Reader, wireType: number, message: Fields): void
  /** Completes the field after the last occurrence. False refuses the message for its absence. */
  finish: ((message: Fields) => boolean) | undefined
}

/** Always written, zero or not, so that a message without it is known to be broken. */
export function field<T>(number: number, type: ValueType<T>): Field<T, 'required'> {
  return single('required', number, type)
}

/** May be left out; then the property is absent. */
export function optional<T>(number: number, type: ValueType<T>): Field<T, 'optional'> {
  return single('optional', number, type)
}

function single<T, R extends 'required' | 'optional'>(
  rule: R,
  number: number,
  type: ValueType<T>,
): Field<T, R> {
  const tag = fieldTag(number, type.wireType)
  return {
    rule,
    number,
    depth: type.depth,
    compile: (name, where) => ({
      name,
      where,
      rule,
      tag,
      type: type as ValueType<unknown>,
      write(writer, message) {
        const value = message[name] as T | undefined
        if (value === undefined) {
          if (rule === 'required') throw new AssertionFailed(`${where} must be set to be sent`)
          return
        }
        writer.tag(tag)
        type.write(writer, value, where)
      },
      read(reader, wireType, message) {
        if (message[name] !== undefined) reader.surplus = true
        if (wireType === type.wireType) message[name] = type.read(reader)
        else reader.refuse('wrongWireType')
      },
      finish: rule === 'required' ? (message) => message[name] !== undefined : undefined,
    }),
  }
}

/**
 * A list of at most `max`. Numbers are written packed, as proto3 does, and read in either form.
 */
export function repeated<T>(
  number: number,
  type: ValueType<T>,
  max: number,
): Field<T[], 'repeated'> {
  assertLimit(max)
  const packs = type.wireType !== wireLength
  const tag = fieldTag(number, packs ? wireLength : type.wireType)
  const readOne = (reader: Reader, list: T[]) => {
    if (list.length >= max) reader.refuse('tooMany')
    else list.push(type.read(reader))
  }
  return {
    rule: 'repeated',
    number,
    depth: type.depth,
    compile: (name, where) => ({
      name,
      where,
      rule: 'repeated',
      tag,
      type: type as ValueType<unknown>,
      max,
      write(writer, message) {
        const list = message[name] as readonly T[]
        if (list.length > max) throw new AssertionFailed(`${where} must hold at most ${max}`)
        if (packs && list.length > 0) {
          writer.tag(tag)
          const start = writer.open()
          for (const value of list) type.write(writer, value, where)
          writer.close(start)
        } else {
          for (const value of list) {
            writer.tag(tag)
            type.write(writer, value, where)
          }
        }
      },
      read(reader, wireType, message) {
        const isFirst = message[name] === undefined
        message[name] ??= []
        const list = message[name] as T[]
        if (wireType === type.wireType) {
          if (packs) reader.surplus = true
          readOne(reader, list)
        } else if (packs && wireType === wireLength) {
          const outerEnd = reader.enter()
          if (!isFirst || reader.at === reader.end) reader.surplus = true
          while (reader.at < reader.end) readOne(reader, list)
          reader.leave(outerEnd)
        } else reader.refuse('wrongWireType')
      },
      finish(message) {
        message[name] ??= []
        return true
      },
    }),
  }
}

/**
 * A record of at most `max` entries, written in the order of their keys. A key that comes twice
 * holds what came last.
 */
export function map<K extends string, V>(
  number: number,
  keyType: ValueType<K>,
  valueType: ValueType<V>,
  max: number,
): Field<Record<K, V>, 'map'> {
  assertLimit(max)
  const tag = fieldTag(number, wireLength)
  const keyTag = fieldTag(1, keyType.wireType)
  const valueTag = fieldTag(2, valueType.wireType)
  return {
    rule: 'map',
    number,
    depth: valueType.depth + 1,
    compile: (name, where) => ({
      name,
      where,
      rule: 'map',
      tag,
      write(writer, message) {
        const record = message[name] as Record<K, V>
        const keys = Object.keys(record).sort() as K[]
        if (keys.length > max) throw new AssertionFailed(`${where} must hold at most ${max}`)
        for (const key of keys) {
          writer.tag(tag)
          const start = writer.open()
          writer.tag(keyTag)
          keyType.write(writer, key, where)
          writer.tag(valueTag)
          valueType.write(writer, record[key], where)
          writer.close(start)
        }
      },
      read(reader, wireType, message) {
        if (wireType !== wireLength) {
          reader.refuse('wrongWireType')
          return
        }
        message[name] ??= new Map<K, V>()
        const entries = message[name] as Map<K, V>
        const outerEnd = reader.enter()
        readEntry(reader, keyType, valueType, entries)
        if (entries.size > max) reader.refuse('tooMany')
        reader.leave(outerEnd)
      },
      finish(message) {
        message[name] = toRecord(message[name] as Map<K, V> | undefined)
        return true
      },
    }),
  }
}

/** One entry of a map: on the wire, a message with the key as field 1 and the value as field 2. */
function readEntry<K extends string, V>(
  reader: Reader,
  keyType: ValueType<K>,
  valueType: ValueType<V>,
  entries: Map<K, V>,
): void {
  let key: K | undefined
  let value: V | undefined
  while (reader.at < reader.end) {
    const tag = reader.tag()
    const wireType = tag & 7
    const number = tag >>> 3
    if (number === 1 ? key !== undefined : value !== undefined) reader.surplus = true
    if (number === 1 && wireType === keyType.wireType) key = keyType.read(reader)
    else if (number === 2 && wireType === valueType.wireType) value = valueType.read(reader)
    else if (number === 1 || number === 2) reader.refuse('wrongWireType')
    else reader.skip(wireType)
  }
  if (key === undefined || value === undefined) reader.refuse('missingField')
  else {
    if (entries.has(key)) reader.surplus = true
    entries.set(key, value)
  }
}

function toRecord<K extends string, V>(entries: Map<K, V> | undefined): Record<K, V> {
  const record = {} as Record<K, V>
  if (entries === undefined) return record
  for (const [key, value] of entries) {
    // Plain assignment to this one name would set the prototype, with a peer's choice of it.
    if (key === '__proto__') {
      Object.defineProperty(record, key, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      })
    } else record[key] = value
  }
  return record
}

/** The number and wire type of a field in one, as protobuf writes it. */
export function fieldTag(number: number, wireType: number): number {
  assert(
    Number.isInteger(number) && number >= 1 && number <= fieldNumberMax,
    'a field number must be in range',
    { number, fieldNumberMax },
  )
  return (number << 3) | wireType
}
