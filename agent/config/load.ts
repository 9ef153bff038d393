/**
 * Makes an agent's configuration of its sources, each going before the next: flags, environment,
 * file, defaults. Pure: whoever calls has read the file. Every mistake is told, not only the first.
 */
import { formatDuration } from '../../protocol/units.ts'
import { fromFile } from './file.ts'
import { limits } from './limits.ts'
import { type NamedKey, namedKeys } from './names.ts'
import type { ConfigProblem } from './problem.ts'
import { readFound } from './read.ts'
import type { Basis, Config, Host } from './schema.ts'
import {
  type FlagValue,
  type Found,
  fromEnv,
  fromFlags,
  type Gathered,
  type SourceName,
} from './source.ts'

export interface ConfigInput {
  fileText?: string
  /** As it shall stand in front of a line and a column. */
  fileName?: string
  env: Readonly<Record<string, string | undefined>>
  flags: Readonly<Record<string, FlagValue>>
  host: Host
}

export type Loaded =
  | { ok: true; config: Config; sources: ReadonlyMap<string, SourceName> }
  | { ok: false; problems: ConfigProblem[] }

export function loadConfig(input: ConfigInput): Loaded {
  const { env, flags, host } = input
  const gathered = [fromFlags(flags), fromEnv(env), gatherFile(input)]
  const problems = gathered.toReversed().flatMap((each) => each.problems)
  const chosen = new Map<string, Chosen>()
  for (const key of namedKeys) {
    const said = gathered.flatMap(({ found }) => found.filter((found) => found.key === key))
    if (said.length === 0) said.push(...fromDefault(key, { env, host }, chosen, problems))
    // Also what is overruled must be right: a mistake should not wait to be uncovered.
    const [first] = said.map((found) => ({ found, value: readFound(found, env, problems) }))
    if (first?.value !== undefined) chosen.set(key.name, first)
  }
  if (problems.length === 0) checkRelations(chosen, problems)
  if (problems.length > 0) {
    problems.sort(inReadingOrder)
    return { ok: false, problems: problems.slice(0, limits.problemsMax) }
  }
  return {
    ok: true,
    config: nested(chosen),
    sources: new Map([...chosen].map(([name, { found }]) => [name, found.source])),
  }
}

interface Chosen {
  found: Found
  value: unknown
}

function gatherFile({ fileText, fileName }: ConfigInput): Gathered {
  if (fileText === undefined) return { found: [], problems: [] }
  return fromFile(fileText, fileName ?? 'configuration')
}

/** One, or none when it cannot be told; that is a problem, unless it follows from another. */
function fromDefault(
  key: NamedKey,
  basis: Basis,
  chosen: ReadonlyMap<string, Chosen>,
  problems: ConfigProblem[],
): Found[] {
  const fallback = key.key.default
  const where = `default of ${key.name}`
  const found = (...texts: string[]): Found[] => [
    { key, source: 'default', where, pieces: texts.map((text) => ({ text, where })) },
  ]
  if (typeof fallback === 'string') return found(fallback)
  if ('length' in fallback) return found()
  if ('fileName' in fallback) {
    const directory = chosen.get('dataDirectory')?.value
    const isBeside = fallback.besideWith !== undefined && chosen.get(fallback.besideWith)?.value
    const joint = isBeside ? '-' : '/'
    return directory === undefined
      ? []
      : found(`${String(directory).replace(/\/+$/, '')}${joint}${fallback.fileName}`)
  }
  const text = fallback.from(basis)
  if (text !== undefined && text !== '') return found(text)
  const fix = `set ${key.name} in the file, $${key.env} or --${key.flag}`
  problems.push({ where, why: `it is ${fallback.shown}, and this host does not tell`, fix })
  return []
}

/** What one value says of another. Told where somebody wrote it. */
function checkRelations(chosen: ReadonlyMap<string, Chosen>, problems: ConfigProblem[]): void {
  const shortest = chosen.get('telemetry.intervalMin')!
  const longest = chosen.get('telemetry.intervalMax')!
  if ((shortest.value as number) <= (longest.value as number)) return
  const { where } = (longest.found.source === 'default' ? shortest : longest).found
  const [min, max] = [shortest, longest].map(({ value }) => formatDuration(value as number))
  const why = `telemetry.intervalMin is ${min}, longer than telemetry.intervalMax, which is ${max}`
  problems.push({ where, why, fix: 'make the longest the longer one' })
}

/** From the top of the file to its end, then the others as they came. */
function inReadingOrder(a: ConfigProblem, b: ConfigProblem): number {
  const [lineA, columnA] = positionOf(a)
  const [lineB, columnB] = positionOf(b)
  return lineA - lineB || columnA - columnB
}

function positionOf({ where }: ConfigProblem): [line: number, column: number] {
  const position = /:(\d+):(\d+)$/.exec(where)
  const behindAll = Number.MAX_SAFE_INTEGER
  return position === null ? [behindAll, behindAll] : [Number(position[1]), Number(position[2])]
}

/** The flat names turned back into the schema's own shape. */
function nested(chosen: ReadonlyMap<string, Chosen>): Config {
  const config: Record<string, unknown> = {}
  for (const { name, path } of namedKeys) {
    let at = config
    for (const word of path.slice(0, -1)) {
      at[word] ??= {}
      at = at[word] as Record<string, unknown>
    }
    at[path.at(-1)!] = chosen.get(name)!.value
  }
  return config as Config
}
