/**
 * The language in which every message is described. A schema gives a message its TypeScript type,
 * its limits and its form on the wire, which is protobuf's: any protobuf tool can read it.
 *
 * How schemas may change: add fields (`optional`, `repeated` or `map`; never a new `field`, which
 * older peers do not send) and add kinds to a union. Never give a number a second meaning. What a
 * peer does not know, it skips.
 */
import { assert } from '../assert.ts'
import {
  compiledRead,
  compiledUnionWrite,
  compiledWrite,
  type Member,
  type Read,
  usesBeforeCompiling,
  type Write,
  type WriteUnion,
} from './compile.ts'
import { type Field, type Fields, fieldTag, type Rule } from './fields.ts'
import { nestingDepthMax } from './limits.ts'
import type { Reader } from './reader.ts'
import { wireLength } from './reader.ts'
import { nested, type Schema } from './value-types.ts'
import type { Writer } from './writer.ts'

export { type Field, field, map, optional, repeated } from './fields.ts'
export {
  bool,
  bytes,
  float,
  type Infer,
  int,
  nested,
  type Schema,
  text,
  uint,
  type ValueType,
} from './value-types.ts'

type FieldTable = Record<string, Field<unknown>>

type Held<F> = F extends Field<infer T, Rule> ? T : never
type OptionalNames<F extends FieldTable> = {
  [N in keyof F]: F[N]['rule'] extends 'optional' ? N : never
}[keyof F]

/** The message's type: `optional` fields may be absent, all others are there. */
export type MessageOf<F extends FieldTable> = {
  [N in Exclude<keyof F, OptionalNames<F>>]: Held<F[N]>
} & {
  [N in OptionalNames<F>]?: Held<F[N]>
} extends infer M
  ? { [N in keyof M]: M[N] }
  : never

export function message<F extends FieldTable>(name: string, table: F): Schema<MessageOf<F>> {
  const ordered = Object.entries(table).sort(([, a], [, b]) => a.number - b.number)
  const fields = ordered.map(([key, field]) => field.compile(key, `${name}.${key}`))
  const byNumber: ((typeof fields)[number] | undefined)[] = []
  let depth = 1
  // Every property that a message always has, so that decoding starts from one shape.
  const blank: Fields = {}
  ordered.forEach(([key, field], i) => {
    assert(byNumber[field.number] === undefined, 'a field number must be used once', { name, key })
    for (let gap = byNumber.length; gap < field.number; gap++) byNumber.push(undefined)
    byNumber[field.number] = fields[i]
    depth = Math.max(depth, field.depth + 1)
    if (field.rule !== 'optional') blank[key] = undefined
  })
  assert(depth <= nestingDepthMax, 'messages must not nest too deep', { name, depth })
  const completing = fields.filter((field) => field.finish !== undefined)

  const general = {
    write(writer: Writer, value: Fields): void {
      for (const field of fields) field.write(writer, value)
    },
    read(reader: Reader): Fields {
      const value: Fields = { ...blank }
      while (reader.at < reader.end) {
        const tag = reader.tag()
        const field = byNumber[tag >>> 3]
        if (field === undefined) reader.skip(tag & 7)
        else field.read(reader, tag & 7, value)
      }
      if (reader.why === undefined) {
        for (const field of completing) if (!field.finish!(value)) reader.refuse('missingField')
      }
      return value
    },
  }
  let write: Write | undefined
  let read: Read | undefined
  let writes = 0
  let reads = 0
  return {
    name,
    depth,
    write(writer: Writer, value: MessageOf<F>): void {
      if (write !== undefined) return write(writer, value as Fields)
      if (++writes > usesBeforeCompiling) write = compiledWrite(fields)
      general.write(writer, value as Fields)
    },
    read(reader: Reader): MessageOf<F> {
      if (read !== undefined) return read(reader) as MessageOf<F>
      if (++reads > usesBeforeCompiling) read = compiledRead(fields, byNumber)
      return general.read(reader) as MessageOf<F>
    },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the member's type is inferred back from the schema
type MemberTable = Record<string, readonly [number: number, schema: Schema<any>]>

/** One of several messages, told apart by `kind`. */
export type UnionOf<M extends MemberTable> = {
  [K in keyof M & string]: {
    kind: K
    value: M[K] extends readonly [number, Schema<infer T>] ? T : never
  }
}[keyof M & string]

/** On the wire: a protobuf message with one `oneof`. A kind not known is refused as such. */
export function union<const M extends MemberTable>(name: string, members: M): Schema<UnionOf<M>> {
  const byKind = new Map<string, Member>()
  const byNumber: (Member | undefined)[] = []
  let depth = 1
  for (const [kind, [number, schema]] of Object.entries(members)) {
    assert(byNumber[number] === undefined, 'a kind must have a number of its own', { name, kind })
    const type = nested<unknown>(schema)
    const member = { kind, tag: fieldTag(number, wireLength), type }
    byKind.set(kind, member)
    for (let gap = byNumber.length; gap < number; gap++) byNumber.push(undefined)
    byNumber[number] = member
    depth = Math.max(depth, schema.depth + 1)
  }
  assert(depth <= nestingDepthMax, 'messages must not nest too deep', { name, depth })

  const general: Schema<UnionOf<M>> = {
    name,
    depth,
    write(writer: Writer, frame: UnionOf<M>): void {
      const member = byKind.get(frame.kind)
      assert(member !== undefined, 'a kind must be known to be sent', { name, kind: frame.kind })
      writer.tag(member.tag)
      member.type.write(writer, frame.value, name)
    },
    read(reader: Reader): UnionOf<M> {
      let frame: { kind: string; value: unknown } | undefined
      let strangers = 0
      while (reader.at < reader.end) {
        const tag = reader.tag()
        const member = byNumber[tag >>> 3]
        if (member === undefined) {
          strangers++
          reader.skip(tag & 7)
        } else if ((tag & 7) !== wireLength) reader.refuse('wrongWireType')
        else {
          if (frame !== undefined) reader.surplus = true
          frame = { kind: member.kind, value: member.type.read(reader) }
        }
      }
      if (frame === undefined) reader.refuse(strangers > 0 ? 'unknownKind' : 'missingField')
      return frame as UnionOf<M>
    },
  }
  let write: WriteUnion | undefined
  let writes = 0
  return {
    ...general,
    write(writer: Writer, frame: UnionOf<M>): void {
      if (write !== undefined) return write(writer, frame)
      if (++writes > usesBeforeCompiling)
        write = compiledUnionWrite([...byKind.values()], general as Schema<unknown>)
      general.write(writer, frame)
    },
  }
}
