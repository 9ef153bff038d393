/** What becomes of the mesh's configuration by a change, or all that is wrong with the change. Pure. */

import { loadConfig } from '../../agent/config/load.ts'
import { problemOfKey, problemWith } from '../../agent/config/mesh.ts'
import type { ConfigProblem } from '../../agent/config/problem.ts'
import type { Version } from './rows.ts'

export interface Change {
  /** As people write them. */
  readonly set: Readonly<Record<string, string>>
  readonly unset: readonly string[]
}

export type Changed =
  | { kind: 'changed'; version: Pick<Version, 'values' | 'set' | 'unset'> }
  /** It is so already. */
  | { kind: 'same' }
  | { kind: 'mistaken'; problems: ConfigProblem[] }

type Values = Version['values']

export function changed(now: Values, { set, unset }: Change): Changed {
  const problems: ConfigProblem[] = []
  for (const [name, text] of Object.entries(set)) {
    const problem = problemWith(name, text)
    if (problem !== undefined) problems.push(problem)
  }
  for (const name of unset) {
    // What nobody knows any more may be there still, and is to be unset as well.
    const problem = Object.hasOwn(now, name) ? undefined : problemOfKey(name)
    if (problem !== undefined) problems.push(problem)
    if (Object.hasOwn(set, name)) {
      problems.push({ where: name, why: `${name} is set and unset at once`, fix: 'do one of them' })
    }
  }
  const values = withChange(now, set, unset)
  if (problems.length === 0) problems.push(...clashes(values))
  if (problems.length > 0) return { kind: 'mistaken', problems }
  const diff = difference(now, values)
  return diff.set.length + diff.unset.length === 0
    ? { kind: 'same' }
    : { kind: 'changed', version: { values, ...diff } }
}

/** What is to be set and unset so that one becomes the other. */
export function difference(from: Values, to: Values): { set: string[]; unset: string[] } {
  return {
    set: Object.keys(to).filter((name) => from[name] !== to[name]),
    unset: Object.keys(from).filter((name) => !Object.hasOwn(to, name)),
  }
}

function withChange(now: Values, set: Change['set'], unset: Change['unset']): Values {
  const all = Object.entries({ ...now, ...set }).filter(([name]) => !unset.includes(name))
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** On a host that says nothing itself, where all of them hold. */
function clashes(values: Values): ConfigProblem[] {
  const host = { name: 'any', superuser: true }
  const loaded = loadConfig({ env: {}, flags: {}, host, mesh: { number: 0, values } })
  if (!loaded.ok) return loaded.problems
  const clash = loaded.left.find(({ kind }) => kind === 'clash')
  if (clash === undefined) return []
  return [{ where: clash.key, why: clash.why, fix: 'set both so that they go together' }]
}
