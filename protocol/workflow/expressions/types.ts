/**
 * What is known of an expression before it is evaluated. `dyn` is what is not known; it goes with
 * everything, and is looked at again when there are values.
 */
import { type Kind, kindOf, type Value } from './values.ts'

export type Type =
  | { readonly kind: 'dyn' }
  | { readonly kind: Exclude<Kind, 'list' | 'map'> }
  | { readonly kind: 'list'; readonly of: Type }
  | { readonly kind: 'map'; readonly key: Type; readonly value: Type }
  | ObjectType

/** A map whose fields are known by name. */
export interface ObjectType {
  readonly kind: 'object'
  /** What it is called in a message: `inputs`. */
  readonly name: string
  field(name: string): Type | undefined
  fields(): Iterable<string>
  /** A better answer than the nearest field, where there is one. */
  advise?(name: string): string | undefined
}

export const dyn: Type = { kind: 'dyn' }
export const bool: Type = { kind: 'bool' }
export const int: Type = { kind: 'int' }
export const double: Type = { kind: 'double' }
export const string: Type = { kind: 'string' }
export const duration: Type = { kind: 'duration' }
export const timestamp: Type = { kind: 'timestamp' }
export const nullType: Type = { kind: 'null' }
export const anyMap: Type = { kind: 'map', key: dyn, value: dyn }
export const anyList: Type = { kind: 'list', of: dyn }

export function listOf(of: Type): Type {
  return { kind: 'list', of }
}

export function mapOf(value: Type): Type {
  return { kind: 'map', key: string, value }
}

export function objectOf(
  name: string,
  fields: Readonly<Record<string, Type>> | ReadonlyMap<string, Type>,
  advise?: (name: string) => string | undefined,
): ObjectType {
  const known: ReadonlyMap<string, Type> =
    fields instanceof Map ? fields : new Map(Object.entries(fields))
  return {
    kind: 'object',
    name,
    field: (field) => known.get(field),
    fields: () => known.keys(),
    ...(advise === undefined ? {} : { advise }),
  }
}

/** May a value of type `given` stand where `wanted` is asked for? Only what cannot be is refused. */
export function fits(given: Type, wanted: Type): boolean {
  if (given.kind === 'dyn' || wanted.kind === 'dyn') return true
  if (given.kind === 'list' && wanted.kind === 'list') return fits(given.of, wanted.of)
  if (given.kind === 'object' || wanted.kind === 'object') {
    return [given, wanted].every(({ kind }) => kind === 'object' || kind === 'map')
  }
  if (given.kind === 'map' && wanted.kind === 'map') {
    return fits(given.key, wanted.key) && fits(given.value, wanted.value)
  }
  return given.kind === wanted.kind
}

/** The same question of a value. Elements are not looked at. */
export function accepts(wanted: Type, value: Value): boolean {
  if (wanted.kind === 'dyn') return true
  const kind = kindOf(value)
  return wanted.kind === kind || (wanted.kind === 'object' && kind === 'map')
}

/** What two branches have in common. */
export function common(a: Type, b: Type): Type {
  if (a.kind === 'list' && b.kind === 'list') return listOf(common(a.of, b.of))
  if (a.kind === 'map' && b.kind === 'map') {
    return { kind: 'map', key: common(a.key, b.key), value: common(a.value, b.value) }
  }
  return a.kind === b.kind && a.kind !== 'object' ? a : dyn
}

export function typeName(type: Type): string {
  switch (type.kind) {
    case 'dyn':
      return 'any'
    case 'list':
      return type.of.kind === 'dyn' ? 'list' : `list of ${typeName(type.of)}`
    case 'object':
      return `map (${type.name})`
    default:
      return type.kind
  }
}
