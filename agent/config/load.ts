/**
 * Makes an agent's configuration of its sources, each going before the next: flags, environment,
 * file, what is set for the mesh, defaults. Pure: whoever calls has read the file. Every mistake is
 * told, not only the first.
 */
import { fromFile } from './file.ts'
import type { Basis, Host } from './key.ts'
import { limits } from './limits.ts'
import { fromMesh, type Left, type MeshValues, noMeshValues } from './mesh.ts'
import { type NamedKey, namedKeys } from './names.ts'
import type { ConfigProblem } from './problem.ts'
import { readFound } from './read.ts'
import { type Chosen, clashIn } from './relations.ts'
import type { Config } from './schema.ts'
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
  /** What is set for all hosts; without, nothing is. */
  mesh?: MeshValues
}

export type Loaded = LoadedWell | { ok: false; problems: ConfigProblem[] }

export interface LoadedWell {
  readonly ok: true
  readonly config: Config
  readonly sources: ReadonlyMap<string, SourceName>
  /** By the name of its key: each value, where it is from and how it stands there. */
  readonly chosen: ReadonlyMap<string, Chosen>
  /** What is set for the mesh, and not taken here. */
  readonly left: readonly Left[]
}

export function loadConfig(input: ConfigInput): Loaded {
  const { env, flags, host } = input
  const mesh = fromMesh(input.mesh ?? noMeshValues)
  const gathered = [
    fromFlags(flags),
    fromEnv(env),
    gatherFile(input),
    { found: mesh.found, problems: [] },
  ]
  const problems = gathered.toReversed().flatMap((each) => each.problems)
  const chosen = new Map<string, Chosen>()
  for (const key of namedKeys) {
    const said = gathered.flatMap(({ found }) => found.filter((found) => found.key === key))
    if (said.length === 0) said.push(...fromDefault(key, { env, host }, chosen, problems))
    // Also what is overruled must be right: a mistake should not wait to be uncovered.
    const [first] = said.map((found) => ({ found, value: readFound(found, env, problems) }))
    if (first?.value !== undefined) chosen.set(key.name, first)
  }
  const clash = problems.length === 0 ? clashIn(chosen) : undefined
  if (clash !== undefined && input.mesh !== undefined && clash.ofMesh.length > 0) {
    return without(clash.ofMesh, clash.problem.why, input, input.mesh)
  }
  if (clash !== undefined) problems.push(clash.problem)
  if (problems.length > 0) {
    problems.sort(inReadingOrder)
    return { ok: false, problems: problems.slice(0, limits.problemsMax) }
  }
  return {
    ok: true,
    config: nested((name) => chosen.get(name)!.value),
    sources: new Map([...chosen].map(([name, { found }]) => [name, found.source])),
    chosen,
    left: mesh.left,
  }
}

/** What the mesh says does not go with what the host says: the host keeps its own. */
function without(
  keys: readonly string[],
  why: string,
  input: ConfigInput,
  mesh: MeshValues,
): Loaded {
  const values = Object.fromEntries(
    Object.entries(mesh.values).filter(([name]) => !keys.includes(name)),
  )
  const loaded = loadConfig({ ...input, mesh: { ...mesh, values } })
  if (!loaded.ok) return loaded
  return {
    ...loaded,
    left: [...loaded.left, ...keys.map((key) => ({ key, kind: 'clash' as const, why }))],
  }
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
export function nested(held: (name: string) => unknown): Config {
  const config: Record<string, unknown> = {}
  for (const { name, path } of namedKeys) {
    let at = config
    for (const word of path.slice(0, -1)) {
      at[word] ??= {}
      at = at[word] as Record<string, unknown>
    }
    at[path.at(-1)!] = held(name)
  }
  return config as Config
}
