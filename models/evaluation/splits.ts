/**
 * What is learned from, and what is asked: never something that ended after the first question.
 * Applications have clocks of their own; each is cut by itself, and the cuts are laid on one moment.
 */
import type { Row } from '../rows.ts'

export interface Split {
  readonly name: string
  /** In the order of their ends, all of them before any of `held` began. */
  readonly known: readonly Row[]
  /** In the order of their starts. */
  readonly held: readonly Row[]
  /** Ran while the line was drawn, so that they belong to neither side. */
  readonly between: number
}

export const KNOWN_SHARE = 0.7

/** The first rows of each application, and those that began when these had ended. */
export function byTime(rows: readonly Row[], share: number = KNOWN_SHARE): Split {
  const known: Row[] = []
  const held: Row[] = []
  for (const [, of] of byGroup(rows)) {
    const starts = of.map(({ startedMs }) => startedMs).sort((a, b) => a - b)
    const cutMs = starts[Math.floor(starts.length * share)] as number
    for (const row of of) {
      if (row.startedMs >= cutMs) held.push(moved(row, -cutMs))
      else if (row.endedMs <= cutMs) known.push(moved(row, -cutMs))
    }
  }
  const between = rows.length - known.length - held.length
  return { name: 'time', known: known.sort(byEnd), held: held.sort(byStart), between }
}

/** The first attempts of each application, by their ends. */
export function early(rows: readonly Row[], share: number): Row[] {
  const some = [...byGroup(rows).values()].flatMap((of) =>
    of.toSorted(byEnd).slice(0, Math.ceil(of.length * share)),
  )
  return some.sort(byEnd)
}

/** One for each application: it is asked for, and all others are known. */
export function byApplication(rows: readonly Row[]): Split[] {
  const groups = byGroup(rows)
  return [...groups.keys()].sort().map((name) => {
    const others = [...groups].filter(([group]) => group !== name)
    const known = others.flatMap(([, of]) => moved0(of, (row) => row.endedMs))
    const held = moved0(groups.get(name) ?? [], (row) => row.startedMs, Math.min)
    return { name, known: known.sort(byEnd), held: held.sort(byStart), between: 0 }
  })
}

/** So that the last of them, or the first, is at the moment 0. */
function moved0(rows: readonly Row[], of: (row: Row) => number, pick = Math.max): Row[] {
  const at = rows.reduce((found, row) => pick(found, of(row)), of(rows[0] as Row))
  return rows.map((row) => moved(row, -at))
}

function moved(row: Row, byMs: number): Row {
  return { ...row, startedMs: row.startedMs + byMs, endedMs: row.endedMs + byMs }
}

export function byEnd(a: Row, b: Row): number {
  return a.endedMs - b.endedMs
}

export function byStart(a: Row, b: Row): number {
  return a.startedMs - b.startedMs
}

export function byGroup(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  return Map.groupBy(rows, ({ group }) => group)
}
