/** Which rows of a run's tree are shown when there is no room for all: what somebody looks for. */

import type { RunTreeStage, RunTreeState } from './run-tree.ts'
import type { RunTreeRow } from './run-tree-layout.ts'

/** A row, or how many of each state stand in its place. */
export type Shown =
  | { readonly kind: 'row'; readonly row: RunTreeRow }
  | { readonly kind: 'fold'; readonly counts: ReadonlyMap<RunTreeState, number> }

/** What has gone wrong, what happens, what happens next, what happened; the rest can wait. */
const urgency: Readonly<Record<RunTreeState, number>> = {
  failed: 0,
  running: 1,
  assigned: 1,
  open: 1,
  waiting: 2,
  cancelled: 3,
  succeeded: 5,
  pending: 6,
  skipped: 7,
}
const URGENCY_OF_NEXT = 4

export function folded(
  rows: readonly RunTreeRow[],
  stages: readonly RunTreeStage[],
  linesMax: number,
): readonly Shown[] {
  if (rows.length <= linesMax) return rows.map((row) => ({ kind: 'row', row }))
  const wanted = byUrgency(rows, stages)
  // One row more takes a line or two, or closes a gap: never fewer lines. So the most can be halved for.
  let [most, tooMany] = [0, rows.length]
  while (tooMany - most > 1) {
    const middle = (most + tooMany) >> 1
    if (foldedTo(rows, stages, new Set(wanted.slice(0, middle))).length <= linesMax) most = middle
    else tooMany = middle
  }
  return foldedTo(rows, stages, new Set(wanted.slice(0, most)))
}

/** Places of rows. Of what is over, the latest first; of the others, the first of the tree. */
function byUrgency(rows: readonly RunTreeRow[], stages: readonly RunTreeStage[]): number[] {
  const over = new Set(
    stages.flatMap(({ name, state }) =>
      state === 'succeeded' || state === 'skipped' || state === 'failed' ? [name] : [],
    ),
  )
  const keys = rows.map(({ stage }, place) => {
    const { state, needs, endedMs = 0 } = stages[stage]!
    const isNext = state === 'pending' && needs.every((need) => over.has(need))
    return { place, endedMs, urgency: isNext ? URGENCY_OF_NEXT : urgency[state] }
  })
  keys.sort((a, b) => a.urgency - b.urgency || b.endedMs - a.endedMs || a.place - b.place)
  return keys.map(({ place }) => place)
}

function foldedTo(
  rows: readonly RunTreeRow[],
  stages: readonly RunTreeStage[],
  kept: ReadonlySet<number>,
): readonly Shown[] {
  const shown: Shown[] = []
  for (let place = 0; place < rows.length; ) {
    let end = place
    while (end < rows.length && !kept.has(end)) end++
    // To count one takes as much room as to show it.
    if (end - place > 1) {
      shown.push({ kind: 'fold', counts: countsOf(rows.slice(place, end), stages) })
      place = end
    } else shown.push({ kind: 'row', row: rows[place++]! })
  }
  return shown
}

function countsOf(
  rows: readonly RunTreeRow[],
  stages: readonly RunTreeStage[],
): ReadonlyMap<RunTreeState, number> {
  const counts = new Map<RunTreeState, number>()
  for (const { stage } of rows) {
    const { state } = stages[stage]!
    counts.set(state, (counts.get(state) ?? 0) + 1)
  }
  return counts
}
