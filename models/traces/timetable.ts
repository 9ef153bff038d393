/**
 * When each task of a run may have begun, where the trace says only how long each took: when all that
 * it needs had ended, and, of a run whose length is known, when fewer were at work than it takes to
 * end in that time. First come, first served; those that come together in the order of the trace.
 */
import { dependantsOf, needsOf } from '../../protocol/workflow/graph/graph.ts'
import type { Trace } from './wfformat.ts'

/** In milliseconds from the start of the run. */
export function startsIn(trace: Trace): Float64Array {
  const { graph, tasks } = trace
  const lengths = tasks.map(({ seconds = 0 }) => seconds * 1_000)
  const starts = new Float64Array(graph.size)
  const left = Int32Array.from(lengths, (_, node) => needsOf(graph, node).length)
  const readyMs = new Float64Array(graph.size)
  const ready = new Earliest()
  const free = placesOf(trace, lengths)
  for (const [node, needs] of left.entries()) if (needs === 0) ready.add(0, node)
  for (let next = ready.take(); next !== undefined; next = ready.take()) {
    const { item: node, atMs } = next
    const place = free?.take()
    const startMs = Math.max(atMs, place?.atMs ?? 0)
    const endMs = startMs + (lengths[node] as number)
    starts[node] = startMs
    free?.add(endMs, 0)
    for (const one of dependantsOf(graph, node)) {
      readyMs[one] = Math.max(readyMs[one] as number, endMs)
      left[one] = (left[one] as number) - 1
      if (left[one] === 0) ready.add(readyMs[one] as number, one)
    }
  }
  return starts
}

/** Places at which to work, all free; undefined where there is no end of them. */
function placesOf({ makespanMs }: Trace, lengths: readonly number[]): Earliest | undefined {
  if (makespanMs === undefined || makespanMs === 0) return undefined
  const workMs = lengths.reduce((sum, ms) => sum + ms, 0)
  const places = Math.min(lengths.length, Math.max(1, Math.ceil(workMs / makespanMs)))
  const free = new Earliest()
  for (let i = 0; i < places; i++) free.add(0, 0)
  return free
}

interface Entry {
  readonly atMs: number
  readonly item: number
}

/** The earliest of all first; of those of one moment, the one with the lowest number (a heap). */
class Earliest {
  readonly #entries: Entry[] = []

  add(atMs: number, item: number): void {
    const entries = this.#entries
    let at = entries.length
    const entry = { atMs, item }
    while (at > 0) {
      const above = (at - 1) >>> 1
      if (!isBefore(entry, entries[above] as Entry)) break
      entries[at] = entries[above] as Entry
      at = above
    }
    entries[at] = entry
  }

  take(): Entry | undefined {
    const entries = this.#entries
    const first = entries[0]
    const last = entries.pop()
    if (last === undefined || entries.length === 0) return first
    let at = 0
    for (;;) {
      let below = at * 2 + 1
      if (below >= entries.length) break
      const other = entries[below + 1]
      if (other !== undefined && isBefore(other, entries[below] as Entry)) below++
      if (!isBefore(entries[below] as Entry, last)) break
      entries[at] = entries[below] as Entry
      at = below
    }
    entries[at] = last
    return first
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.item < b.item)
}
