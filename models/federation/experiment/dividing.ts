/**
 * Rows of many hosts or applications, given to so many clients that no two have the same kind of
 * history. By host, as it is in a mesh; where all rows are of one host, by application.
 */
import type { Row } from '../../rows.ts'

export type DividedBy = 'host' | 'application'

/** A client has all rows of what it is named after. */
export interface Part {
  readonly name: string
  readonly of: readonly string[]
}

export interface Divided {
  readonly by: DividedBy
  /** The largest first. Fewer than asked for where there are not as many hosts or applications. */
  readonly parts: readonly Part[]
  partOf(row: Row): number
}

/** The largest goes first, each to who has fewest rows by then. */
export function divided(rows: readonly Row[], count: number, by?: DividedBy): Divided {
  const chosen = by ?? (new Set(rows.map(({ host }) => host)).size > 1 ? 'host' : 'application')
  const keyOf = ({ host, group }: Row) => (chosen === 'host' ? host : group)
  const sizes = new Map<string, number>()
  for (const row of rows) sizes.set(keyOf(row), (sizes.get(keyOf(row)) ?? 0) + 1)
  const largestFirst = [...sizes].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  const parts = Array.from({ length: Math.min(count, sizes.size) }, () => ({
    of: [] as string[],
    rows: 0,
  }))
  const where = new Map<string, number>()
  for (const [key, size] of largestFirst) {
    const least = parts.reduce(
      (found, part, i) => (part.rows < (parts[found]?.rows ?? 0) ? i : found),
      0,
    )
    const part = parts[least] as (typeof parts)[number]
    part.of.push(key)
    part.rows += size
    where.set(key, least)
  }
  return {
    by: chosen,
    parts: parts.map(({ of }, i) => ({ name: `client-${i + 1}`, of })),
    partOf: (row) => where.get(keyOf(row)) as number,
  }
}
