/**
 * Values as they were found, before anything is known of what they mean: text, with its place. The
 * environment and the flags become the same as what the file holds.
 */
import { nearest } from '../../protocol/nearest.ts'
import { envPrefix, kebab, type NamedKey, namedKeys } from './names.ts'
import type { ConfigProblem } from './problem.ts'

export type SourceName = 'default' | 'mesh' | 'file' | 'env' | 'flag'

export interface Piece {
  text: string
  where: string
  /** The entry's key, in a map. */
  name?: string
}

export interface Found {
  key: NamedKey
  source: SourceName
  where: string
  /** One for a single value; the elements of a list or map. */
  pieces: readonly Piece[]
}

export interface Gathered {
  found: Found[]
  problems: ConfigProblem[]
}

/** Variables of ours that configure something else than an agent, and are not mistyped keys. */
const otherVariables = new Set([
  // Which agent the command line asks, and with whose key.
  'SKEIN_ADDRESS',
  'SKEIN_HOME',
  'SKEIN_KEY',
  'SKEIN_PASSPHRASE_FILE',
  'SKEIN_PROFILE',
  // Which file an agent reads.
  'SKEIN_CONFIG',
  // What a stage is told; an agent may be started by a stage.
  'SKEIN_ATTEMPT',
  'SKEIN_CELL',
  'SKEIN_ITEM',
  'SKEIN_OUTPUT',
  'SKEIN_PROGRESS',
  'SKEIN_RUN',
  'SKEIN_STAGE',
  // Set by the launcher of a local mesh.
  'SKEIN_SUPERVISED',
])

/** Kubernetes tells every container of every service: one called “skein” must not stop an agent. */
const serviceLink = /^SKEIN_(SERVICE_HOST|SERVICE_PORT|PORT)(_|$)/
/** Values that the script of a stage was written with. */
const scriptValue = /^SKEIN_VALUE_/

export function fromEnv(env: Readonly<Record<string, string | undefined>>): Gathered {
  const gathered: Gathered = { found: [], problems: [] }
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(envPrefix) || text === undefined) continue
    if (otherVariables.has(variable) || serviceLink.test(variable)) continue
    if (scriptValue.test(variable)) continue
    const where = `$${variable}`
    const key = namedKeys.find(({ env }) => env === variable)
    if (key === undefined) {
      const known = namedKeys.map(({ env }) => env)
      gathered.problems.push(unknown(where, 'variable', nearest(variable, known), 'unset it'))
    } else {
      gathered.found.push({ key, source: 'env', where, pieces: split(key, [text], where) })
    }
  }
  return gathered
}

export type FlagValue = string | boolean | readonly string[] | undefined

/** Flags by name, as typed (`network-listen`) or as commander spells them (`networkListen`). */
export function fromFlags(flags: Readonly<Record<string, FlagValue>>): Gathered {
  const gathered: Gathered = { found: [], problems: [] }
  for (const [spelling, value] of Object.entries(flags)) {
    if (value === undefined) continue
    const flag = kebab(spelling)
    const where = `--${flag}`
    const key = namedKeys.find((each) => each.flag === flag)
    if (key === undefined) {
      const meant = nearest(
        flag,
        namedKeys.map((each) => each.flag),
      )
      gathered.problems.push(unknown(where, 'flag', meant && `--${meant}`, 'leave it out'))
    } else {
      const texts = typeof value === 'object' ? value : [String(value)]
      gathered.found.push({ key, source: 'flag', where, pieces: split(key, texts, where) })
    }
  }
  return gathered
}

export function unknown(
  where: string,
  what: string,
  meant: string | undefined,
  otherwise: string,
): ConfigProblem {
  const fix = meant === undefined ? `${otherwise}, or see the reference` : `did you mean ${meant}?`
  return { where, why: `there is no such ${what}`, fix }
}

/** Lists and maps are written with commas where there is only one line to write on. */
function split(key: NamedKey, texts: readonly string[], where: string): Piece[] {
  const { shape } = key.key.kind
  if (shape === 'one') return texts.slice(-1).map((text) => ({ text: text.trim(), where }))
  const parts = texts.flatMap((text) => text.split(',')).map((part) => part.trim())
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      if (shape === 'list') return { text: part, where }
      const at = part.indexOf('=')
      return at < 0
        ? { text: '', name: part, where }
        : { name: part.slice(0, at), text: part.slice(at + 1), where }
    })
}
