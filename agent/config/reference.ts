/** The schema told to people and to programs: the printed reference, the flags, the editors' schema. */

import type { Key, Rule } from './key.ts'
import type { Kind } from './kind.ts'
import { isKey, type NamedKey, namedKeys } from './names.ts'
import { schema, type Table } from './schema.ts'

export interface ConfigFlag {
  /** In commander's notation: `--network-listen <multiaddr...>`. */
  flags: string
  /** The switch that says no, for what is true or false: `--no-network-mdns`. */
  negated?: string
  description: string
}

/** What `skein agent run` takes besides its own flags, in the order of the reference. */
export function configFlags(): ConfigFlag[] {
  return namedKeys.map((named) => {
    const { kind, about } = named.key
    const variadic = kind.shape === 'one' ? '' : '...'
    const toggles = kind.shape === 'one' && kind.toggle === true
    const shown = defaultOf(named)
    return {
      flags: toggles ? `--${named.flag}` : `--${named.flag} <${kind.noun}${variadic}>`,
      ...(toggles ? { negated: `--no-${named.flag}` } : {}),
      description: shown === undefined ? about : `${about} (default: ${shown})`,
    }
  })
}

/** The whole reference, as Markdown. */
export function configReference(): string {
  const intro = [
    '# Configuration of an agent',
    '',
    'A flag goes before the environment, which goes before the file (YAML or JSON), which goes',
    'before what is set for the mesh (`skein config set`), which goes before the default. Unknown keys',
    'are refused. Durations carry a unit: `500ms`, `10s`, `1h30m`.',
    'In the environment, lists and labels are separated by commas.',
  ]
  return [...intro, ...namedKeys.flatMap(entryOf), ''].join('\n')
}

function entryOf(named: NamedKey): string[] {
  const { name, env, flag, key } = named
  const { kind, about } = key
  const several = { one: '', list: ', a list', map: ', several' }[kind.shape]
  const range = kind.range === undefined ? '' : `, ${kind.range}`
  const shown = defaultOf(named)
  return [
    '',
    `## ${name}`,
    '',
    about,
    '',
    `- value: \`${kind.noun}\`${several}${range}`,
    `- default: ${shown === undefined ? 'none' : `\`${shown}\``}`,
    `- environment: \`${env}\``,
    `- flag: \`--${flag}\``,
    `- for the mesh: ${meshText(key.rule)}`,
  ]
}

function meshText(rule: Rule): string {
  if (rule.scope === 'host') return `not set, for ${rule.because}`
  return rule.applies === 'live' ? 'obeyed at once' : 'obeyed at the next start'
}

function defaultOf({ key }: NamedKey): string | undefined {
  const fallback = key.default
  if (typeof fallback === 'string') return fallback === '' ? undefined : fallback
  if ('length' in fallback) return undefined
  if (!('fileName' in fallback)) return fallback.shown
  const { fileName, besideWith } = fallback
  const beside = besideWith === undefined ? '' : ` (<dataDirectory>-${fileName} with ${besideWith})`
  return `<dataDirectory>/${fileName}${beside}`
}

/** For editors, and for anyone who checks a file before an agent reads it. */
export function configJsonSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of a Skein agent',
    ...sectionSchema({ $schema: { type: 'string' } }, schema),
  }
}

function sectionSchema(first: object, table: Table): object {
  const entries = Object.entries(table).map(([word, entry]) => [
    word,
    isKey(entry)
      ? { description: entry.about, ...valueSchema(entry.kind), ...constantDefault(entry) }
      : sectionSchema({}, entry),
  ])
  const properties = { ...first, ...Object.fromEntries(entries) }
  return { type: 'object', additionalProperties: false, properties }
}

function valueSchema(kind: Kind): object {
  if (kind.shape === 'one') return kind.jsonSchema
  if (kind.shape === 'list') {
    const several = { type: 'array', items: kind.jsonSchema, maxItems: kind.countMax }
    return { anyOf: [several, kind.jsonSchema] }
  }
  return {
    type: 'object',
    additionalProperties: kind.jsonSchema,
    maxProperties: kind.countMax,
  }
}

/** Only what is the same on every host. */
function constantDefault({ kind, default: fallback }: Key<Kind>): object {
  if (typeof fallback !== 'string' || fallback === '') return {}
  const { type } = kind.jsonSchema as { type?: unknown }
  const read = kind.read(fallback, '')
  // Typed as an editor would type it; durations and addresses stay the text that they are.
  const typed = read.ok && (type === 'boolean' || type === 'integer')
  return { default: typed ? read.value : fallback }
}
