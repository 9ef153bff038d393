/**
 * The kinds of value that a field can hold, each with its form on the wire. Every one that can
 * grow carries its limit, because a limit that can be left out is left out.
 */
import { assert } from '../assert.ts'
import { type Reader, wireFixed64, wireLength, wireVarint } from './reader.ts'
import type { Writer } from './writer.ts'

export interface ValueType<T> {
  readonly wireType: number
  /** Messages inside messages, this one counted: 0 for plain values. */
  readonly depth: number
  /** `where` names the field, for the assertion when a value is out of range. */
  write(writer: Writer, value: T, where: string): void
  /** What it returns after `reader.why` was set means nothing. */
  read(reader: Reader): T
  /** What the two do, for `compile.ts` to say without calling them. */
  readonly inline?: Inline
}

export type Inline =
  | { readonly method: 'uint' | 'int' | 'float' | 'bool' | 'text' | 'bytes'; readonly max?: number }
  | { readonly schema: Schema<unknown> }

/** A message or union: what `encode` and `decode` work on. */
export interface Schema<T> {
  readonly name: string
  readonly depth: number
  write(writer: Writer, value: T): void
  /** About how many bytes that takes, where it is known beforehand. */
  about?(value: T): number
  /** Reads up to `reader.end`. */
  read(reader: Reader): T
}

/** The type of the values that a schema describes. */
export type Infer<S> = S extends Schema<infer T> ? T : never

const uintType: ValueType<number> = {
  wireType: wireVarint,
  depth: 0,
  write: (writer, value, where) => writer.uint(value, where),
  read: (reader) => reader.uint(),
  inline: { method: 'uint' },
}

const intType: ValueType<number> = {
  wireType: wireVarint,
  depth: 0,
  write: (writer, value, where) => writer.int(value, where),
  read: (reader) => reader.int(),
  inline: { method: 'int' },
}

const floatType: ValueType<number> = {
  wireType: wireFixed64,
  depth: 0,
  write: (writer, value, where) => writer.float(value, where),
  read: (reader) => reader.float(),
  inline: { method: 'float' },
}

const boolType: ValueType<boolean> = {
  wireType: wireVarint,
  depth: 0,
  write: (writer, value, where) => writer.uint(value ? 1 : 0, where),
  read: (reader) => reader.bool(),
  inline: { method: 'bool' },
}

/** A whole number, 0 to 2^53 - 1 (`uint64`). */
export const uint = (): ValueType<number> => uintType

/** A whole number within ±(2^53 - 1) (`sint64`). */
export const int = (): ValueType<number> => intType

/** A finite number (`double`). */
export const float = (): ValueType<number> => floatType

export const bool = (): ValueType<boolean> => boolType

/** A text of at most `bytesMax` bytes of UTF-8. The type argument brands it: `text<PeerId>(64)`. */
export function text<T extends string = string>(bytesMax: number): ValueType<T> {
  assertLimit(bytesMax)
  return {
    wireType: wireLength,
    depth: 0,
    write: (writer, value, where) => writer.text(value, bytesMax, where),
    read: (reader) => reader.text(bytesMax) as T,
    inline: { method: 'text', max: bytesMax },
  }
}

/**
 * Bytes, at most `bytesMax`. What is decoded is a view of the frame it came in: whoever keeps it
 * for long copies it (`slice`), or keeps the whole frame.
 */
export function bytes(bytesMax: number): ValueType<Uint8Array> {
  assertLimit(bytesMax)
  return {
    wireType: wireLength,
    depth: 0,
    write: (writer, value, where) => writer.bytes(value, bytesMax, where),
    read: (reader) => reader.view(bytesMax),
    inline: { method: 'bytes', max: bytesMax },
  }
}

/** A message inside a message. */
export function nested<T>(schema: Schema<T>): ValueType<T> {
  return {
    wireType: wireLength,
    depth: schema.depth,
    write(writer, value) {
      const guess = schema.about?.(value) ?? 0
      const start = writer.open(guess)
      schema.write(writer, value)
      writer.close(start, guess)
    },
    read(reader) {
      const outerEnd = reader.enter()
      const value = schema.read(reader)
      reader.leave(outerEnd)
      return value
    },
    inline: { schema: schema as Schema<unknown> },
  }
}

export function assertLimit(limit: number): void {
  assert(Number.isSafeInteger(limit) && limit > 0, 'a limit must be a whole number above 0', {
    limit,
  })
}
