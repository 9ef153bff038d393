/**
 * Writers and readers made for one message each, as source for the engine: what a schema says field by
 * field is then one straight run, in which the engine knows every property and every call. They do
 * what the general ones do, in the same order; a property test holds the two against each other.
 *
 * Nothing of a peer ever becomes part of the source: it is made of schemas, which are ours, and of
 * them only of names and numbers, quoted.
 */
import type { CompiledField, Fields } from './fields.ts'
import type { Reader } from './reader.ts'
import { wireLength } from './reader.ts'
import type { Schema, ValueType } from './value-types.ts'
import type { Writer } from './writer.ts'

/** Uses after which it pays: most messages are seldom sent, and compiling costs a tenth of a ms. */
export const usesBeforeCompiling = 50

export type Write = (writer: Writer, message: Fields) => void
export type Read = (reader: Reader) => Fields

/** A member of a union. */
export interface Member {
  readonly kind: string
  readonly tag: number
  readonly type: ValueType<unknown>
}

export type WriteUnion = (writer: Writer, frame: { kind: string; value: unknown }) => void

/** Source on its way, and the objects that it mentions. */
class Source {
  readonly #names: string[] = []
  readonly #things: unknown[] = []

  /** The name by which the source speaks of this. */
  of(thing: unknown): string {
    const known = this.#things.indexOf(thing)
    if (known !== -1) return this.#names[known] as string
    const name = `k${this.#things.length}`
    this.#names.push(name)
    this.#things.push(thing)
    return name
  }

  made<F>(parameters: string, body: string): F {
    const outer = `'use strict'; return function (${parameters}) {\n${body}\n}`
    return new Function(...this.#names, outer)(...this.#things) as F
  }
}

export function compiledWrite(fields: readonly CompiledField[]): Write {
  const source = new Source()
  const lines = fields.map((field) => writeField(source, field))
  return source.made('writer, message', ['let value', ...lines].join('\n'))
}

function writeField(source: Source, field: CompiledField): string {
  const { name, where, rule, tag, type, max } = field
  const from = `message[${JSON.stringify(name)}]`
  if (type === undefined || (rule === 'repeated' && type.wireType !== wireLength)) {
    return `${source.of(field)}.write(writer, message)`
  }
  const write = `writer.tag(${tag}); ${writeValue(source, type, where)}`
  if (rule === 'required') {
    return `value = ${from}; if (value === undefined) ${source.of(field)}.write(writer, message); ${write}`
  }
  if (rule === 'optional') return `value = ${from}; if (value !== undefined) { ${write} }`
  // Too many are for the general one to complain of.
  return `{ const list = ${from}; if (list.length > ${max}) ${source.of(field)}.write(writer, message)
    for (let i = 0; i < list.length; i++) { value = list[i]; ${write} } }`
}

/** Writes what is in `value`. */
function writeValue(source: Source, type: ValueType<unknown>, where: string): string {
  const { inline } = type
  const at = JSON.stringify(where)
  if (inline === undefined) return `${source.of(type)}.write(writer, value, ${at})`
  if ('schema' in inline) {
    if (inline.schema.about !== undefined) return `${source.of(type)}.write(writer, value, ${at})`
    const schema = source.of(inline.schema)
    return `{ const start = writer.open(0); ${schema}.write(writer, value); writer.close(start, 0) }`
  }
  const { method, max } = inline
  if (method === 'bool') return `writer.uint(value ? 1 : 0, ${at})`
  return max === undefined
    ? `writer.${method}(value, ${at})`
    : `writer.${method}(value, ${max}, ${at})`
}

export function compiledRead(
  fields: readonly CompiledField[],
  byNumber: readonly (CompiledField | undefined)[],
): Read {
  const source = new Source()
  const blank = fields.filter(({ rule }) => rule !== 'optional')
  const shape = blank.map(({ name }) => `${JSON.stringify(name)}: undefined`).join(', ')
  const cases = fields.flatMap((field) => readCase(source, field))
  const ends = fields.flatMap((field) => readEnd(source, field))
  return source.made(
    'reader',
    `const message = { ${shape} }
    while (reader.at < reader.end) {
      const tag = reader.tag()
      switch (tag) {
        ${cases.join('\n')}
        default: {
          const field = ${source.of(byNumber)}[tag >>> 3]
          if (field === undefined) reader.skip(tag & 7)
          else field.read(reader, tag & 7, message)
        }
      }
    }
    if (reader.why === undefined) { ${ends.join('; ')} }
    return message`,
  )
}

/** The one way in which it usually comes; any other is left to the general one. */
function readCase(source: Source, { name, rule, tag, type }: CompiledField): string[] {
  if (type === undefined || rule === 'repeated') return []
  const to = `message[${JSON.stringify(name)}]`
  return [
    `case ${tag}: if (${to} !== undefined) reader.surplus = true; ${readValue(source, type, to)}; break`,
  ]
}

function readValue(source: Source, type: ValueType<unknown>, to: string): string {
  const { inline } = type
  if (inline === undefined) return `${to} = ${source.of(type)}.read(reader)`
  if ('schema' in inline) {
    const schema = source.of(inline.schema)
    return `{ const end = reader.enter(); ${to} = ${schema}.read(reader); reader.leave(end) }`
  }
  const { method, max } = inline
  return `${to} = reader.${method === 'bytes' ? 'view' : method}(${max ?? ''})`
}

function readEnd(source: Source, field: CompiledField): string[] {
  if (field.finish === undefined) return []
  if (field.rule === 'required') {
    return [
      `if (message[${JSON.stringify(field.name)}] === undefined) reader.refuse('missingField')`,
    ]
  }
  return [`if (!${source.of(field)}.finish(message)) reader.refuse('missingField')`]
}

export function compiledUnionWrite(
  members: readonly Member[],
  general: Schema<unknown>,
): WriteUnion {
  const source = new Source()
  const cases = members.map(({ kind, tag, type }) => {
    const write = writeValue(source, type, general.name)
    return `case ${JSON.stringify(kind)}: writer.tag(${tag}); ${write}; break`
  })
  return source.made(
    'writer, frame',
    `const value = frame.value
    switch (frame.kind) {
      ${cases.join('\n')}
      default: ${source.of(general)}.write(writer, frame)
    }`,
  )
}
