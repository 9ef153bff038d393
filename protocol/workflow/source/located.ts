/** A file as values that know where they stand. Aliases are resolved: a value may be shared. */
export type Located = Scalar | List | Mapping

export interface Scalar {
  readonly kind: 'scalar'
  readonly value: string | number | boolean | null
  /** As a person wrote it: `1.10` is the text 1.10, though YAML calls it a number. */
  readonly text: string
  readonly style: 'plain' | 'single' | 'double' | 'block'
  readonly at: number
  readonly end: number
}

export interface List {
  readonly kind: 'list'
  readonly items: readonly Located[]
  readonly at: number
}

export interface Mapping {
  readonly kind: 'map'
  readonly entries: readonly Entry[]
  readonly at: number
}

export interface Entry {
  readonly key: string
  readonly keyAt: number
  readonly value: Located
}

export function kindName(node: Located): string {
  if (node.kind === 'list') return 'a list'
  if (node.kind === 'map') return 'keys and values'
  if (node.value === null) return 'nothing'
  return typeof node.value === 'string' ? 'a text' : `${node.text}`
}

/** Above this, entries are found by an index that is made once. */
const SCANNED_MAX = 16
const indexes = new WeakMap<Mapping, ReadonlyMap<string, Entry>>()

export function entryOf(map: Mapping, key: string | number | undefined): Entry | undefined {
  if (map.entries.length <= SCANNED_MAX) return map.entries.find((entry) => entry.key === key)
  let index = indexes.get(map)
  if (index === undefined) {
    index = new Map(map.entries.map((entry) => [entry.key, entry]))
    indexes.set(map, index)
  }
  return index.get(String(key))
}

function below(node: Located, key: string | number): Located | undefined {
  if (node.kind === 'map') return entryOf(node, key)?.value
  return node.kind === 'list' ? node.items[key as number] : undefined
}

/** Undefined when there is nothing there. */
export function nodeAt(root: Located, path: readonly (string | number)[]): Located | undefined {
  let node: Located | undefined = root
  for (const key of path) node = node && below(node, key)
  return node
}

/** The deepest node on the way of `path` that there is. */
export function locate(root: Located, path: readonly (string | number)[]): Located {
  let node = root
  for (const key of path) {
    const next = below(node, key)
    if (next === undefined) return node
    node = next
  }
  return node
}

/** Where to point: at the key, or at the value where that is only one. */
export function placeOf(
  root: Located,
  path: readonly (string | number)[],
  at: 'key' | 'value' = 'value',
): number {
  const above = locate(root, path.slice(0, -1))
  const entry = above.kind === 'map' ? entryOf(above, path.at(-1)) : undefined
  if (entry === undefined) return locate(root, path).at
  return at === 'value' && entry.value.kind === 'scalar' ? entry.value.at : entry.keyAt
}
