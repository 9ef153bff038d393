/** Turns what was found for a key into its value, or into problems with the place of each. */
import { optionalPath, path } from './kind.ts'
import type { ConfigProblem } from './problem.ts'
import type { Found, Piece } from './source.ts'

/** Longer values are cut when they are quoted back. */
const quotedLengthMax = 60

/** Undefined when anything is wrong with it. */
export function readFound(
  found: Found,
  env: Readonly<Record<string, string | undefined>>,
  problems: ConfigProblem[],
): unknown {
  const { key, pieces, where } = found
  const { kind } = key.key
  const problemsBefore = problems.length
  const refuse = (where: string, why: string, fix: string) => problems.push({ where, why, fix })
  if (kind.shape !== 'one' && pieces.length > kind.countMax) {
    const why = `${key.name} has ${pieces.length} entries`
    refuse(where, why, `write no more than ${kind.countMax}`)
    return undefined
  }
  const values = pieces.map(({ text, name = '', where }) => {
    const read = kind.read(text, name)
    if (read.ok) return read.value
    const entry = kind.shape === 'map' ? `${key.name}.${name}` : key.name
    refuse(where, `${entry}: ${quote(text)} ${read.why}`, read.fix)
    return undefined
  })
  refuseTwice(key.name, pieces, refuse)
  if (problems.length > problemsBefore) return undefined
  if (kind.shape === 'list') return values
  if (kind.shape === 'map') {
    return Object.fromEntries(pieces.map(({ name }, i) => [name, values[i]]))
  }
  const isPath = kind === path || kind === optionalPath
  return isPath ? withHome(values[0] as string, env, found, refuse) : values[0]
}

type Refuse = (where: string, why: string, fix: string) => void

/** A name that is given twice in one place: the file's own duplicates are refused by YAML. */
function refuseTwice(key: string, pieces: readonly Piece[], refuse: Refuse): void {
  const seen = new Set<string>()
  for (const { name, where } of pieces) {
    if (name === undefined) continue
    if (seen.has(name)) refuse(where, `${key}.${name} is given twice`, 'leave one of them out')
    seen.add(name)
  }
}

function withHome(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  { key, where }: Found,
  refuse: Refuse,
): string | undefined {
  if (!text.startsWith('~')) return text
  if (text.startsWith('~/') && env.HOME?.startsWith('/')) return env.HOME + text.slice(1)
  refuse(where, `${key.name}: ${quote(text)} names no home that is known`, 'write the whole path')
  return undefined
}

function quote(text: string): string {
  const cut = text.length > quotedLengthMax ? `${text.slice(0, quotedLengthMax)}…` : text
  return JSON.stringify(cut)
}
