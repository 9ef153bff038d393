/** One key, four spellings: in the file, in code, in the environment and as a flag. */

import type { Key } from './key.ts'
import type { Kind } from './kind.ts'
import { schema, type Table } from './schema.ts'

export interface NamedKey {
  /** `network.swarmKeyFile` */
  name: string
  /** `['network', 'swarmKeyFile']` */
  path: readonly string[]
  /** `SKEIN_NETWORK_SWARM_KEY_FILE` */
  env: string
  /** `network-swarm-key-file`, on the command line after two dashes. */
  flag: string
  key: Key<Kind>
}

export const envPrefix = 'SKEIN_'

/** In the order of the schema, which is the order of the reference. */
export const namedKeys: readonly NamedKey[] = flatten(schema, [])

export function isKey(entry: Table[string]): entry is Key<Kind> {
  return 'kind' in entry && 'about' in entry
}

function flatten(table: Table, above: readonly string[]): NamedKey[] {
  return Object.entries(table).flatMap(([word, entry]) => {
    const path = [...above, word]
    if (!isKey(entry)) return flatten(entry, path)
    const dashed = kebab(path.join('-'))
    const env = envPrefix + dashed.replaceAll('-', '_').toUpperCase()
    return [{ name: path.join('.'), path, env, flag: dashed, key: entry }]
  })
}

/** Also turns what commander makes of a flag (`networkListen`) back into the flag. */
export function kebab(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
