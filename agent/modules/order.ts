/**
 * The one order in which parts start: needs first; among those that are free, the lowest priority
 * number, then the name. Stopping goes the other way. What cannot be ordered is a bug of ours.
 */
import { assert } from '../../protocol/assert.ts'
import { nearest } from '../../protocol/nearest.ts'
import { limits } from './limits.ts'

export interface Ordered {
  readonly name: string
  readonly priority: number
  readonly needs: readonly string[]
}

export function startOrder<T extends Ordered>(specs: readonly T[]): T[] {
  refuseUnsound(specs)
  const placed = new Set<string>()
  const order: T[] = []
  const left = [...specs].sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1))
  while (left.length > 0) {
    const free = left.findIndex((spec) => spec.needs.every((need) => placed.has(need)))
    assert(free >= 0, `modules need each other in a circle: ${circle(left).join(' → ')}`)
    const [next] = left.splice(free, 1)
    placed.add(next!.name)
    order.push(next!)
  }
  return order
}

function refuseUnsound(specs: readonly Ordered[]): void {
  assert(specs.length <= limits.modulesMax, 'an agent has few modules', { count: specs.length })
  const names = new Set(specs.map((spec) => spec.name))
  for (const { name, needs } of specs) {
    assert(
      specs.filter((other) => other.name === name).length === 1,
      `two modules are called ${name}`,
    )
    for (const need of needs) {
      if (names.has(need)) continue
      const meant = nearest(need, names)
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`
      assert(false, `module ${name} needs ${need}, which does not exist${hint}`)
    }
  }
}

/** Follows needs among specs that all wait for one another, until a name comes again. */
function circle(waiting: readonly Ordered[]): string[] {
  const byName = new Map(waiting.map((spec) => [spec.name, spec]))
  const path: string[] = []
  let at: string | undefined = waiting[0]?.name
  while (at !== undefined && !path.includes(at)) {
    path.push(at)
    at = byName.get(at)?.needs.find((need) => byName.has(need))
  }
  return at === undefined ? path : [...path.slice(path.indexOf(at)), at]
}
