/**
 * What the mesh says of the configuration of all its hosts: values by key, as people write them. A
 * host obeys what it understands. What it does not, it leaves and tells of: no value that came from
 * elsewhere keeps an agent from starting.
 */
import { assert } from '../../protocol/assert.ts'
import { nearest } from '../../protocol/nearest.ts'
import type { MeshRule } from './key.ts'
import { type NamedKey, namedKeys } from './names.ts'
import type { ConfigProblem } from './problem.ts'
import type { Found } from './source.ts'

/** One version of them. */
export interface MeshValues {
  /** They are counted from 1; 0: nobody has set anything yet. */
  readonly number: number
  readonly values: Readonly<Record<string, string>>
}

/** A value that this host does not take, and why. */
export interface Left {
  readonly key: string
  /** `unknown`: to this version of the agent. `clash`: it does not go with another value. */
  readonly kind: 'unknown' | 'refused' | 'clash' | 'failed'
  readonly why: string
}

export const noMeshValues: MeshValues = { number: 0, values: {} }

/** Those that may be set for the mesh, in the order of the reference. */
export const meshKeys: readonly NamedKey[] = namedKeys.filter(
  ({ key }) => key.rule.scope === 'mesh',
)

for (const { name, key } of meshKeys) {
  assert(key.kind.shape === 'one', 'what is set for the mesh is one value', { name })
  assert(typeof key.default === 'string', 'what is set for the mesh has a default', { name })
}

export function appliesOf({ key }: NamedKey): MeshRule['applies'] | undefined {
  return key.rule.scope === 'mesh' ? key.rule.applies : undefined
}

/** What of them this host takes, before those that it says itself. */
export function fromMesh({ number, values }: MeshValues): { found: Found[]; left: Left[] } {
  const found: Found[] = []
  const left: Left[] = []
  const where = meshPlace(number)
  for (const [name, text] of Object.entries(values)) {
    const key = namedKeys.find((each) => each.name === name)
    const problem = problemWith(name, text)
    if (key !== undefined && problem === undefined) {
      found.push({ key, source: 'mesh', where, pieces: [{ text, where }] })
    } else if (key === undefined)
      left.push({ key: name, kind: 'unknown', why: 'this agent knows no such key' })
    else left.push({ key: name, kind: 'refused', why: problem?.why ?? '' })
  }
  return { found, left }
}

export function meshPlace(number: number): string {
  return `version ${number} of the mesh’s configuration`
}

/** Why nobody may set that for the mesh; undefined if they may. The value is read as a host reads it. */
export function problemWith(name: string, text: string): ConfigProblem | undefined {
  const refused = problemOfKey(name)
  if (refused !== undefined) return refused
  const read = namedKeys.find((each) => each.name === name)!.key.kind.read(text, '')
  if (read.ok) return undefined
  return { where: name, why: `${name}: ${JSON.stringify(text)} ${read.why}`, fix: read.fix }
}

export function problemOfKey(name: string): ConfigProblem | undefined {
  const named = namedKeys.find((each) => each.name === name)
  if (named === undefined) return { where: name, why: `there is no key ${name}`, fix: fixOf(name) }
  const { rule } = named.key
  if (rule.scope === 'mesh') return undefined
  const why = `${name} is each host’s own, for ${rule.because}`
  return { where: name, why, fix: 'set it in the configuration of that host' }
}

function fixOf(name: string): string {
  const known = meshKeys.map((each) => each.name)
  const last = name.split('.').at(-1)
  const meant = nearest(name, known) ?? known.find((each) => each.split('.').at(-1) === last)
  return meant === undefined
    ? 'skein config get shows all that can be set'
    : `did you mean ${meant}?`
}
