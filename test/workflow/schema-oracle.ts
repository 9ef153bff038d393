/** A validator of JSON Schema, as far as the published schema goes; it refuses words it does not know. */
type Schema = { readonly [word: string]: unknown }

const silent = ['$schema', 'title', 'description', 'definitions', 'examples']

export function validates(root: Schema, value: unknown): boolean {
  return valid(root, root, value)
}

function valid(root: Schema, schema: Schema, value: unknown): boolean {
  return Object.entries(schema).every(([word, told]) => {
    if (silent.includes(word)) return true
    const rule = rules[word]
    if (rule === undefined) throw new Error(`the oracle does not know ${word}`)
    return rule(told as never, value, (inner, of) => valid(root, inner, of), schema, root)
  })
}

type Rule = (
  told: never,
  value: unknown,
  check: (inner: Schema, of: unknown) => boolean,
  schema: Schema,
  root: Schema,
) => boolean

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function typeIs(type: string, value: unknown): boolean {
  if (type === 'object') return isMap(value)
  if (type === 'array') return Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}

const rules: Readonly<Record<string, Rule>> = {
  $ref: (ref: string, value, check, _, root) =>
    check((root.definitions as Record<string, Schema>)[ref.replace('#/definitions/', '')]!, value),
  type: (type: string | string[], value) => [type].flat().some((each) => typeIs(each, value)),
  enum: (values: unknown[], value) => values.includes(value),
  properties: (properties: Record<string, Schema>, value, check) =>
    !isMap(value) ||
    Object.entries(value).every(
      ([key, entry]) => !Object.hasOwn(properties, key) || check(properties[key]!, entry),
    ),
  additionalProperties: (more: false | Schema, value, check, schema) =>
    !isMap(value) ||
    Object.entries(value).every(
      ([key, entry]) =>
        Object.hasOwn((schema.properties as object | undefined) ?? {}, key) ||
        (more !== false && check(more, entry)),
    ),
  propertyNames: (names: Schema, value, check) =>
    !isMap(value) || Object.keys(value).every((key) => check(names, key)),
  required: (keys: string[], value) =>
    !isMap(value) || keys.every((key) => Object.hasOwn(value, key)),
  items: (items: Schema, value, check) =>
    !Array.isArray(value) || value.every((item) => check(items, item)),
  anyOf: (all: Schema[], value, check) => all.some((each) => check(each, value)),
  allOf: (all: Schema[], value, check) => all.every((each) => check(each, value)),
  oneOf: (all: Schema[], value, check) => all.filter((each) => check(each, value)).length === 1,
  not: (inner: Schema, value, check) => !check(inner, value),
  pattern: (pattern: string, value) =>
    typeof value !== 'string' || new RegExp(pattern, 'u').test(value),
  minLength: (min: number, value) => typeof value !== 'string' || value.length >= min,
  maxLength: (max: number, value) => typeof value !== 'string' || value.length <= max,
  minimum: (min: number, value) => typeof value !== 'number' || value >= min,
  maximum: (max: number, value) => typeof value !== 'number' || value <= max,
  minItems: (min: number, value) => !Array.isArray(value) || value.length >= min,
  maxItems: (max: number, value) => !Array.isArray(value) || value.length <= max,
  minProperties: (min: number, value) => !isMap(value) || Object.keys(value).length >= min,
  maxProperties: (max: number, value) => !isMap(value) || Object.keys(value).length <= max,
  uniqueItems: (_: true, value) => !Array.isArray(value) || new Set(value).size === value.length,
}
