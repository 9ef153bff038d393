/** Lists, maps with free keys, and values that may be written in a short and a long form. */
import { quote } from '../mistake.ts'
import { kindName } from '../source/located.ts'
import { refuseKind } from './scalars.ts'
import { type Json, type JsonSchema, refuse, type Shape } from './shape.ts'

interface ListRules {
  readonly noun: string
  readonly max: number
  readonly min?: number
  /** One scalar does for a list of one. */
  readonly oneIsEnough?: boolean
  /** The same twice is a mistake. */
  readonly distinct?: boolean
}

export function list<T>(of: Shape<T>, rules: ListRules): Shape<readonly T[]> {
  const { noun, max, min = 0, oneIsEnough = false, distinct = false } = rules
  return {
    noun,
    read: (node, path, reading) => {
      if (node.kind !== 'list') {
        if (!oneIsEnough || node.kind !== 'scalar' || node.value === null) {
          return refuseKind(noun, node, path, reading, `write [${of.noun}, …]`)
        }
        const only = of.read(node, path, reading)
        return only === undefined ? undefined : [only]
      }
      if (node.items.length > max || node.items.length < min) {
        const range = min === 0 ? `at most ${max}` : `${min} to ${max}`
        const why = `${noun} has ${range} elements, and this has ${node.items.length}`
        return refuse(reading, 'tooMany', node, path, why)
      }
      const items: T[] = []
      const seen = new Set<unknown>()
      node.items.forEach((item, i) => {
        const value = of.read(item, [...path, i], reading)
        if (value === undefined) return
        if (distinct && seen.has(value)) {
          refuse(reading, 'badValue', item, [...path, i], `${quote(String(value))} stands twice`)
        } else items.push(value)
        seen.add(value)
      })
      return items
    },
    write: (items) => items.map((item) => of.write(item)),
    schema: (definitions) => {
      const items = of.schema(definitions)
      const limits = { maxItems: max, ...(min > 0 ? { minItems: min } : {}) }
      const schema = { type: 'array', items, ...limits, ...(distinct ? { uniqueItems: true } : {}) }
      return oneIsEnough ? { anyOf: [items, schema] } : schema
    },
  }
}

interface MapRules {
  readonly noun: string
  readonly max: number
  readonly min?: number
  readonly keys: { readonly noun: string; readonly regex: RegExp; readonly says: string }
}

export function mapOf<T>(of: Shape<T>, rules: MapRules): Shape<Readonly<Record<string, T>>> {
  const { noun, max, min = 0, keys } = rules
  return {
    noun,
    read: (node, path, reading) => {
      if (node.kind !== 'map') {
        return refuseKind(noun, node, path, reading, `write ${keys.noun}: ${of.noun}`)
      }
      if (node.entries.length > max || node.entries.length < min) {
        const range = min === 0 ? `at most ${max}` : `${min} to ${max}`
        const why = `${noun} has ${range} entries, and this has ${node.entries.length}`
        return refuse(reading, 'tooMany', node, path, why)
      }
      const map: Record<string, T> = {}
      for (const { key, keyAt, value } of node.entries) {
        if (!keys.regex.test(key)) {
          const why = `${quote(key)} is no name of ${keys.noun}`
          reading.mistakes.add('badName', keyAt, [...path, key], why, keys.says)
        }
        const read = of.read(value, [...path, key], reading)
        if (read !== undefined) map[key] = read
      }
      return map
    },
    write: (map) =>
      Object.fromEntries(Object.entries(map).map(([key, value]) => [key, of.write(value)])),
    schema: (definitions) => ({
      type: 'object',
      propertyNames: { pattern: keys.regex.source },
      additionalProperties: of.schema(definitions),
      maxProperties: max,
      ...(min > 0 ? { minProperties: min } : {}),
    }),
  }
}

interface Form<T, S> {
  readonly shape: Shape<S>
  /** What it stands for. Undefined is refused by `make` itself. */
  readonly make: (value: S) => T
}

// biome-ignore lint/suspicious/noExplicitAny: each form has a type of its own, behind `make`.
type AnyForm<T> = Form<T, any>

export function form<T, S>(shape: Shape<S>, make: (value: S) => T): Form<T, S> {
  return { shape, make }
}

/** One shape for each kind of node; what is written may take any of them. */
export function forms<T>(rules: {
  readonly noun: string
  readonly scalar?: AnyForm<T>
  readonly list?: AnyForm<T>
  readonly map?: AnyForm<T>
  readonly write: (value: T) => Json
}): Shape<T> {
  const all = [rules.scalar, rules.list, rules.map].filter((each) => each !== undefined)
  return {
    noun: rules.noun,
    read: (node, path, reading) => {
      const chosen = rules[node.kind]
      if (chosen === undefined || (node.kind === 'scalar' && node.value === null)) {
        const nouns = all.map(({ shape }) => shape.noun).join(', or ')
        const why = `${rules.noun} is needed, not ${kindName(node)}`
        return refuse(reading, 'wrongType', node, path, why, `write ${nouns}`)
      }
      const value = chosen.shape.read(node, path, reading)
      return value === undefined ? undefined : chosen.make(value)
    },
    write: rules.write,
    schema: (definitions): JsonSchema => ({
      anyOf: all.map(({ shape }) => shape.schema(definitions)),
    }),
  }
}
