/** Shapes that tell what a scheduler is made of: long, wide, both, and neither. */
import { assert } from '../../protocol/assert.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Node, Shape } from './shape.ts'

/** How long each node takes; nothing to do if not said. */
export interface Timed {
  readonly seconds?: number
}

/** One after the other: every hop counts. */
export function chain(length: number, { seconds }: Timed = {}): Shape {
  const link = node('link', seconds)
  return { name: `chain-${length}`, nodes: times(length, (i) => link(i === 0 ? [] : [i - 1])) }
}

/** All at once, and when `joined` between a first and a last one. */
export function fan(
  width: number,
  { seconds, joined = false }: Timed & { joined?: boolean } = {},
): Shape {
  const blade = node('blade', seconds)
  const name = `fan-${width}`
  if (!joined) return { name, nodes: times(width, () => blade([])) }
  const blades = times(width, () => blade([0]))
  const all = times(width, (i) => i + 1)
  return { name, nodes: [node('first')([]), ...blades, node('last')(all)] }
}

/** Wide and narrow by turns: from one to `width` and together again, as often as there are layers. */
export function diamonds(layers: number, width: number, { seconds }: Timed = {}): Shape {
  const [joint, facet] = [node('joint'), node('facet', seconds)]
  const nodes = [joint([])]
  for (let layer = 0; layer < layers; layer++) {
    const from = nodes.length - 1
    nodes.push(...times(width, () => facet([from])))
    nodes.push(joint(times(width, (i) => from + 1 + i)))
  }
  return { name: `diamonds-${layers}-${width}`, nodes }
}

/** Of all pairs of an earlier and a later node, this share is a need: any graph may come. */
export function randomDag(
  entropy: Entropy,
  { size, density, seconds }: Timed & { size: number; density: number },
): Shape {
  assert(density >= 0 && density <= 1, 'density is a share', { density })
  const knot = node('knot', seconds)
  const nodes = times(size, (i) => knot(chosen(entropy, i, density)))
  return { name: `random-${size}`, nodes }
}

/** Each number below `bound` by this chance. Goes from hit to hit, so that few are quick to find. */
function chosen(entropy: Entropy, bound: number, chance: number): number[] {
  if (chance === 0) return []
  const hits: number[] = []
  const misses = () =>
    chance === 1 ? 0 : Math.floor(Math.log1p(-entropy.unit()) / Math.log1p(-chance))
  for (let i = misses(); i < bound; i += 1 + misses()) hits.push(i)
  return hits
}

export function node(kind: string, seconds?: number): (needs: readonly number[]) => Node {
  const time = seconds === undefined ? {} : { seconds }
  return (needs) => ({ kind, needs, ...time })
}

export function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}
