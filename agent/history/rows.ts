/**
 * How the history lies on the disk. What a list shows of a run stands in one small row, the newest
 * start first; the record is read only when somebody looks at the run.
 */
import { RunRow } from '../../protocol/ledger/commands/work-rows.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { ordinal } from '../../protocol/ledger/rows.ts'
import type { RunItem } from '../../protocol/ledger/work-view.ts'
import { type ScanRange, within } from '../../protocol/ports/disk.ts'
import {
  field,
  type Infer,
  map,
  message,
  nested,
  optional,
  text,
  uint,
} from '../../protocol/wire/schema.ts'
import { headOfRow, rowOfHead } from './record.ts'

/** What a list shows. */
export const AboutRow = message('RunAbout', {
  run: field(1, text(stateLimits.runIdBytesMax)),
  head: field(2, nested(RunRow)),
  workflow: field(3, text(64)),
  labels: map(
    4,
    text(stateLimits.labelNameBytesMax),
    text(stateLimits.labelValueBytesMax),
    stateLimits.runLabelsMax,
  ),
})
export type AboutRow = Infer<typeof AboutRow>

/** Where the rest of a run is, and what it takes. */
export const PlaceRow = message('RunPlace', {
  startedMs: field(1, uint()),
  endedMs: field(2, uint()),
  pieces: field(3, uint()),
  bytes: field(4, uint()),
  workflow: field(5, text(64)),
  key: optional(6, text(stateLimits.runKeyBytesMax)),
})
export type PlaceRow = Infer<typeof PlaceRow>

/** The text of a workflow, kept for as long as a run of it is. */
export const TextRow = message('WorkflowPlace', {
  pieces: field(1, uint()),
  bytes: field(2, uint()),
})
export type TextRow = Infer<typeof TextRow>

const root = 'runs/'
const about = `${root}about/`
const ends = `${root}end/`
const begun = `${root}begun/`
const pieceOf = (piece: number) => String(piece).padStart(5, '0')

/** A run's place among all, here and in the ledger: the latest start first. */
export function placeOf({ startedMs, run }: { startedMs: number; run: string }): string {
  return `${startAt(startedMs)}/${run}`
}

export function startedAtPlace(place: string): number {
  return stateLimits.timeMsMax - Number(place.slice(0, place.indexOf('/')))
}

function startAt(startedMs: number): string {
  return ordinal(stateLimits.timeMsMax - startedMs)
}

export const rowKeys = {
  about: (place: string) => about + place,
  place: (run: string) => `${root}id/${run}`,
  end: (endedMs: number, run: string) => `${ends}${ordinal(endedMs)}/${run}`,
  piece: (run: string, piece: number) => `${root}record/${run}/${pieceOf(piece)}`,
  key: (key: string) => `${root}key/${key}`,
  text: (hash: string) => `${root}workflow/${hash}`,
  textPiece: (hash: string, piece: number) => `${root}text/${hash}/${pieceOf(piece)}`,
  /** Stands while a record of several batches is being written. */
  begun: (run: string) => begun + run,
}

export const rowRanges = {
  ends: within(ends),
  texts: within(`${root}workflow/`),
  begun: within(begun),
  pieces: (run: string) => within(`${root}record/${run}/`),
  ids: (prefix: string): ScanRange => within(`${root}id/${prefix}`),
}

/** Rows of a list that come after a place, among runs that began in that time. */
export function aboutRange(
  after: string | undefined,
  { sinceMs, untilMs }: { sinceMs?: number; untilMs?: number },
): ScanRange {
  const least = untilMs === undefined ? about : about + startAt(bounded(untilMs - 1))
  const onwards = after === undefined ? about : `${about}${after}\0`
  return {
    from: [onwards, least].sort()[1]!,
    to: `${sinceMs === undefined ? about : about + startAt(bounded(sinceMs))}\x7f`,
  }
}

export function runOfIdKey(key: string): string {
  return key.slice(`${root}id/`.length)
}

export function placeOfAboutKey(key: string): string {
  return key.slice(about.length)
}

export function runOfBegunKey(key: string): string {
  return key.slice(begun.length)
}

export function endOfKey(key: string): { endedMs: number; run: string } {
  const rest = key.slice(ends.length)
  const slash = rest.indexOf('/')
  return { endedMs: Number(rest.slice(0, slash)), run: rest.slice(slash + 1) }
}

export function aboutOf({ workflow, labels, ...head }: RunItem): AboutRow {
  return { run: head.run, head: rowOfHead(head), workflow, labels }
}

export function itemOf({ run, head, workflow, labels }: AboutRow): RunItem | undefined {
  const read = headOfRow(run, head)
  return read && { ...read, workflow, labels }
}

function bounded(timeMs: number): number {
  return Math.max(-1, Math.min(Math.ceil(timeMs), stateLimits.timeMsMax))
}
