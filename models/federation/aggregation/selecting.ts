/**
 * Whose updates count, judged by where they lie beside each other. The points may be updates or
 * sketches of them: only lengths and distances are looked at, which a sketch keeps; so these rules,
 * and no others of this folder, can be followed where updates are masked.
 */
import { median } from '../../measures/quantiles.ts'
import { distance, type Numbers, norm } from './vectors.ts'

export interface Selected {
  /** By number, in order. */
  readonly kept: readonly number[]
  readonly leftOut: readonly LeftOut[]
}

export interface LeftOut {
  readonly which: number
  readonly why: 'notFinite' | 'tooLong' | 'farFromOthers'
}

export type Selecting = (points: readonly Numbers[], liarsMax: number) => Selected

export const everyone: Selecting = (points) => afterFinite(points, () => [])

/** Times the median length: honest hosts whose work differs are within it, and a liar gains no more. */
const longestOfMedian = 3

/** Whoever is many times as long as is usual is left out: what remains can do little harm at once. */
export const normBound: Selecting = (points) =>
  afterFinite(points, (finite) => {
    const lengths = new Map(finite.map((which) => [which, norm(points[which] as Numbers)]))
    const longest = longestOfMedian * median([...lengths.values()])
    return finite
      .filter((which) => (lengths.get(which) as number) > longest)
      .map((which) => ({ which, why: 'tooLong' as const }))
  })

/**
 * Multi-Krum (Blanchard and others 2017): each is judged by how far its n − f − 2 nearest are, and
 * all are kept but the f whose nearest are farthest.
 */
export const multiKrum: Selecting = (points, liarsMax) =>
  afterFinite(points, (finite) => {
    const others = finite.length - liarsMax - 2
    if (others < 1) return []
    const scored = finite.map((which) => {
      const distances = finite
        .filter((other) => other !== which)
        .map((other) => distance(points[which] as Numbers, points[other] as Numbers) ** 2)
        .sort((a, b) => a - b)
      return { which, score: distances.slice(0, others).reduce((sum, one) => sum + one, 0) }
    })
    scored.sort((a, b) => b.score - a.score || b.which - a.which)
    return scored.slice(0, liarsMax).map(({ which }) => ({ which, why: 'farFromOthers' as const }))
  })

export function afterFinite(
  points: readonly Numbers[],
  judge: (finite: readonly number[]) => readonly LeftOut[],
): Selected {
  const all = points.map((_, which) => which)
  const finite = all.filter((which) => (points[which] as Numbers).every(Number.isFinite))
  const notFinite = all
    .filter((which) => !finite.includes(which))
    .map((which) => ({ which, why: 'notFinite' as const }))
  const leftOut = [...notFinite, ...judge(finite)].sort((a, b) => a.which - b.which)
  const gone = new Set(leftOut.map(({ which }) => which))
  return { kept: all.filter((which) => !gone.has(which)), leftOut }
}
