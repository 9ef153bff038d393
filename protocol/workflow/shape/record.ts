/** Maps with known keys. An unknown one is refused with the nearest that is known. */
import { nearest } from '../../nearest.ts'
import { quote } from '../mistake.ts'
import { refuseKind } from './scalars.ts'
import { type Json, type JsonSchema, refuse, type Shape } from './shape.ts'

export interface Field<T, R extends boolean> {
  readonly shape: Shape<T>
  readonly about: string
  readonly required: R
}

export function required<T>(shape: Shape<T>, about: string): Field<T, true> {
  return { shape, about, required: true }
}

export function optional<T>(shape: Shape<T>, about: string): Field<T, false> {
  return { shape, about, required: false }
}

// biome-ignore lint/suspicious/noExplicitAny: fields of all types are kept together.
export type Fields = Readonly<Record<string, Field<any, boolean>>>

type FieldValue<F> = F extends Field<infer T, boolean> ? T : never
type RequiredKeys<F extends Fields> = {
  [K in keyof F]: F[K]['required'] extends true ? K : never
}[keyof F]

export type RecordOf<F extends Fields> = {
  readonly [K in RequiredKeys<F>]: FieldValue<F[K]>
} & {
  readonly [K in Exclude<keyof F, RequiredKeys<F>>]?: FieldValue<F[K]>
}

export interface RecordRules {
  readonly noun: string
  /** Words of other tools, and what they are called here. */
  readonly synonyms?: Readonly<Record<string, string>>
  /**
   * Gives what there is also when something required is missing, so that the rest can be judged.
   * The mistake is told; the value is not to be used for anything else.
   */
  readonly partial?: boolean
}

export function record<const F extends Fields>(fields: F, rules: RecordRules): Shape<RecordOf<F>> {
  const { noun, synonyms = {}, partial = false } = rules
  const names = Object.keys(fields)
  return {
    noun,
    read: (node, path, reading) => {
      if (node.kind !== 'map') {
        return refuseKind(
          noun,
          node,
          path,
          reading,
          `it has the keys ${names.slice(0, 8).join(', ')}`,
        )
      }
      const values: Record<string, unknown> = {}
      let isWhole = true
      for (const { key, keyAt, value } of node.entries) {
        const field = Object.hasOwn(fields, key) ? fields[key]! : undefined
        if (field === undefined) {
          const why = `there is no key ${quote(key)} in ${noun}`
          reading.mistakes.add('unknownKey', keyAt, [...path, key], why, () =>
            meantBy(key, names, synonyms),
          )
          continue
        }
        const read = field.shape.read(value, [...path, key], reading)
        if (read !== undefined) values[key] = read
        else if (field.required) isWhole = false
      }
      for (const name of names) {
        if (!fields[name]!.required || node.entries.some(({ key }) => key === name)) continue
        isWhole = false
        const hint = `write ${name}: …`
        refuse(reading, 'missingKey', node, path, `${noun} has no ${name}`, hint)
      }
      return isWhole || partial ? (values as RecordOf<F>) : undefined
    },
    write: (value) => {
      const written: Record<string, Json> = {}
      for (const name of names) {
        const field = (value as Record<string, unknown>)[name]
        if (field !== undefined) written[name] = fields[name]!.shape.write(field)
      }
      return written
    },
    schema: (definitions) => {
      const properties: Record<string, JsonSchema> = {}
      for (const name of names) {
        const { shape, about } = fields[name]!
        const schema = shape.schema(definitions)
        // Beside a $ref nothing else counts in draft 7.
        properties[name] =
          '$ref' in schema
            ? { allOf: [schema], description: about }
            : { ...schema, description: about }
      }
      const needed = names.filter((name) => fields[name]!.required)
      return {
        type: 'object',
        properties,
        additionalProperties: false,
        ...(needed.length > 0 ? { required: needed } : {}),
      }
    },
  }
}

/** Keys that a hint lists. */
const SHOWN_MAX = 12

function meantBy(
  key: string,
  names: readonly string[],
  synonyms: Readonly<Record<string, string>>,
): string {
  const plain = key.toLowerCase().replace(/[-_\s]/g, '')
  if (Object.hasOwn(synonyms, plain)) return `it is called ${synonyms[plain]} here`
  const guess = nearest(key, names)
  if (guess !== undefined) return `did you mean ${guess}?`
  return names.length > SHOWN_MAX
    ? 'skein workflow schema has them all'
    : `there are ${names.join(', ')}`
}
