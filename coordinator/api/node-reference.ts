/**
 * Which node a person means. An exact match goes before a part and an id before a name, so that a
 * node can always be reached by its id, whatever others are called.
 */
import { nearest } from '../../protocol/nearest.ts'
import { candidatesMax, nearestMax } from './limits.ts'
import { ApiRefusal } from './refusal.ts'

export interface Named {
  id: string
  name: string
  /** True for the agent that answers: the one that is meant by `self`. */
  self: boolean
}

/**
 * All ids begin alike, so where a whole one does not fit, its end is shown. Whoever copies that
 * must be understood.
 */
export const ID_TAIL_LENGTH = 8

/** Throws `ambiguous` with the candidates, or `notFound` with the nearest names. */
export function findNode<N extends Named>(reference: string, nodes: readonly N[]): N {
  const exact = nodes.find(({ id, self }) => (reference === 'self' ? self : id === reference))
  if (exact !== undefined) return exact
  const byName = nodes.filter(({ name }) => name === reference)
  const found = byName.length > 0 ? byName : nodes.filter((node) => fitsInPart(reference, node))
  if (found.length === 0) throw notFound(reference, nodes)
  if (found.length > 1) throw ambiguous(reference, found, byName.length > 0)
  return found[0]!
}

function fitsInPart(reference: string, { id, name }: Named): boolean {
  if (reference === '') return false
  const isTail = reference.length >= ID_TAIL_LENGTH && id.endsWith(reference)
  return isTail || id.startsWith(reference) || name.startsWith(reference)
}

function ambiguous(reference: string, found: readonly Named[], sameName: boolean): ApiRefusal {
  // Names alone are easier to read; where they do not tell the nodes apart, ids must.
  const namesTell = new Set(found.map(({ name }) => name)).size === found.length
  const byName = namesTell && found.every(({ name }) => name.startsWith(reference))
  const told = found
    .slice(0, candidatesMax)
    .map(({ id, name }) => (byName ? name : `${name} (${id})`))
  const more = found.length > told.length ? ` and ${found.length - told.length} more` : ''
  return new ApiRefusal(
    'ambiguous',
    `${JSON.stringify(reference)} fits ${found.length} nodes: ${told.join(', ')}${more}`,
    sameName ? 'name it by its id' : 'write more of the name or id',
  )
}

function notFound(reference: string, nodes: readonly Named[]): ApiRefusal {
  const names = new Set(nodes.map(({ name }) => name))
  const close: string[] = []
  while (close.length < nearestMax) {
    const next = nearest(reference, names)
    if (next === undefined) break
    close.push(next)
    names.delete(next)
  }
  const list = 'skein nodes ls shows all nodes'
  return new ApiRefusal(
    'notFound',
    `there is no node ${JSON.stringify(reference.slice(0, 128))}`,
    close.length === 0 ? list : `perhaps ${close.join(' or ')} was meant; ${list}`,
  )
}
