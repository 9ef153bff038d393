/**
 * Goes through history as it happened, asking of each attempt before telling how it ended, so that
 * what is learned from it is what could be known then. `near`: asked when it begins, told all that
 * has ended by then. `far`: asked long before, as when a whole workflow is planned; what has happened
 * since is not known. What can be trusted is not the same for both: nothing is better than the last
 * time if that was just now, and little worse if it was long ago.
 */
import type { Reach, Row } from '../rows.ts'
import type { Experience, View } from './experience.ts'

/** Of each row, and before its end is told. */
export type Met = (row: Row, view: View) => void

/** The history of each application is met in so many parts: of each, nothing is known at its start. */
const PARTS = 8

/** `rows` in the order of their ends. */
export function goThrough(
  experience: Experience,
  rows: readonly Row[],
  reach: Reach,
  met: Met,
): void {
  if (reach === 'near') goNear(experience, rows, met)
  else goFar(experience, rows, met)
}

function goNear(experience: Experience, rows: readonly Row[], met: Met): void {
  const views = new Map<Row, View>()
  // Of those that end at one moment, what takes no time comes last: it has only begun then.
  const ending = rows.toSorted((a, b) => a.endedMs - b.endedMs || a.startedMs - b.startedMs)
  let told = 0
  const tellNext = () => {
    const row = ending[told++] as Row
    experience.tell(row, views.get(row))
    views.delete(row)
  }
  for (const row of rows.toSorted((a, b) => a.startedMs - b.startedMs)) {
    for (let next = ending[told]; next; next = ending[told]) {
      // What takes no time has ended when it begins, and still is asked of first.
      if (next.endedMs > row.startedMs || !views.has(next)) break
      tellNext()
    }
    const view = experience.consider(row)
    met(row, view)
    views.set(row, view)
  }
  while (told < ending.length) tellNext()
}

function goFar(experience: Experience, rows: readonly Row[], met: Met): void {
  const parts: Row[][] = Array.from({ length: PARTS }, () => [])
  for (const of of Map.groupBy(rows, ({ group }) => group).values()) {
    for (const [i, row] of of.entries()) parts[Math.floor((i * PARTS) / of.length)]?.push(row)
  }
  for (const part of parts) {
    const views = part.map((row) => {
      const view = experience.consider(row)
      met(row, view)
      return view
    })
    for (const [i, row] of part.entries()) experience.tell(row, views[i])
  }
}
