/**
 * One list of runs out of many: those in the ledger, those in this host's history, and those that
 * only others keep. Each source tells in pages, the latest start first, and says up to where it has
 * looked; a run that stands in several is told once. A run's place in time is the cursor, wherever
 * the run is by then, so pages follow each other also while runs are archived.
 */
import { localLimits } from '../../protocol/ledger/limits.ts'
import type { RunFilter } from '../../protocol/ledger/queries.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { RunItem } from '../../protocol/ledger/work-view.ts'
import type { ExpressionMistake } from '../../protocol/workflow/expressions/errors.ts'
import { askingLimits } from './limits.ts'
import { placeOf } from './rows.ts'
import type { RunStore } from './store.ts'
import type { Where } from './where.ts'

export interface Asked {
  readonly filter: RunFilter
  readonly where?: Extract<Where, { ok: true }> | undefined
  /** Runs without an end have lasted until now. */
  readonly nowMs: number
}

export interface Page {
  readonly items: readonly RunItem[]
  /** Everything up to here was looked at; undefined: everything. */
  readonly upTo: string | undefined
  readonly scanned: number
  /** The expression has no answer for a run. */
  readonly mistake?: string | undefined
}

/** Tells what comes after a place. Rejects when it cannot, and is not asked again. */
export type Source = (after: string | undefined) => Promise<Page>

export function fromState(state: LedgerState, { filter, where, nowMs }: Asked): Source {
  return async (after) => {
    const limit = askingLimits.pageItemsMax
    const query = { ...filter, limit, ...(after === undefined ? {} : { after }) }
    const { items, next } = read(state, { kind: 'runList', ...query }).value
    const leftOut = next !== undefined && items.length < limit ? localLimits.listScanMax : 0
    return { ...pick(items, where, nowMs), upTo: next, scanned: items.length + leftOut }
  }
}

export function fromStore(store: RunStore, asked: Asked, itemsMax: number): Source {
  return async (after) => {
    const { pageRowsMax, pageBytesMax } = askingLimits
    const items: RunItem[] = []
    let upTo: string | undefined
    let scanned = 0
    let bytes = 0
    for await (const { place, item } of store.list(after, asked.filter, pageRowsMax)) {
      scanned++
      upTo = place
      if (item === undefined || !fits(item, asked.filter)) continue
      const picked = pick([item], asked.where, asked.nowMs)
      if (picked.mistake !== undefined) return { items, upTo, scanned, mistake: picked.mistake }
      if (picked.items.length === 0) continue
      items.push(item)
      bytes += bytesOf(item)
      if (items.length >= itemsMax || bytes >= pageBytesMax) return { items, upTo, scanned }
    }
    return { items, upTo: scanned < pageRowsMax ? undefined : upTo, scanned }
  }
}

/** What the order of rows has not settled already. */
function fits({ state, name, labels }: RunItem, filter: RunFilter): boolean {
  if (filter.states !== undefined && !filter.states.includes(state)) return false
  if (filter.name !== undefined && filter.name !== name) return false
  return Object.entries(filter.labels ?? {}).every(([label, value]) => labels[label] === value)
}

function pick(
  items: readonly RunItem[],
  where: Asked['where'],
  nowMs: number,
): { items: readonly RunItem[]; mistake?: string } {
  if (where === undefined) return { items }
  const picked: RunItem[] = []
  for (const item of items) {
    const tested = where.test(item, nowMs)
    if (typeof tested !== 'boolean') return { items: picked, mistake: worded(item, tested) }
    if (tested) picked.push(item)
  }
  return { items: picked }
}

function worded({ run }: RunItem, { why }: ExpressionMistake): string {
  return `for run ${run}: ${why}`
}

/** About what it takes in an answer. */
function bytesOf({ labels, reason = '' }: RunItem): number {
  let bytes = 256 + reason.length
  for (const [label, value] of Object.entries(labels)) bytes += label.length + value.length + 8
  return bytes
}

export interface Listed {
  readonly items: readonly RunItem[]
  /** There may be more after this. */
  readonly next?: string
  /** It stopped for what it costs, not for having found enough. */
  readonly isCutShort: boolean
  /** Rows that were looked at, by the source that looked at most. */
  readonly scanned: number
  /** Sources that did not answer: runs may be missing. */
  readonly silent: number
  readonly mistake?: string
}

interface Reading {
  readonly source: Source
  /** Found, and not told. */
  waiting: RunItem[]
  /** Looked at up to here; undefined before the first page. */
  upTo: string | undefined
  isDone: boolean
  scanned: number
  isSilent: boolean
}

export interface ListBounds {
  readonly limit: number
  /** Rows that any source may look at. */
  readonly scannedMax: number
}

export async function merged(
  sources: readonly Source[],
  after: string | undefined,
  { limit, scannedMax }: ListBounds,
): Promise<Listed> {
  const readings = sources.map(
    (source): Reading => ({
      source,
      waiting: [],
      upTo: after,
      isDone: false,
      scanned: 0,
      isSilent: false,
    }),
  )
  const items: RunItem[] = []
  const end = (more: Pick<Listed, 'isCutShort' | 'next' | 'mistake'>): Listed => ({
    items,
    scanned: Math.max(0, ...readings.map(({ scanned }) => scanned)),
    silent: readings.filter(({ isSilent }) => isSilent).length,
    ...more,
  })
  let told = after
  for (;;) {
    const least = leastOf(readings)
    // Up to where the slowest has looked, everything is known.
    const behind = readings.filter(
      ({ isDone, waiting, upTo }) =>
        !isDone && waiting.length === 0 && (least === undefined || before(upTo, placeOf(least))),
    )
    if (behind.length > 0) {
      if (behind.some(({ scanned }) => scanned >= scannedMax)) {
        const next = leastPlace(behind)
        return end({ isCutShort: true, ...(next === undefined ? {} : { next }) })
      }
      const mistakes = await Promise.all(behind.map((reading) => readOn(reading)))
      const mistake = mistakes.find((told) => told !== undefined)
      if (mistake !== undefined) return end({ isCutShort: true, mistake })
      continue
    }
    if (least === undefined) return end({ isCutShort: false })
    if (items.length >= limit) {
      return end({ isCutShort: false, ...(told === undefined ? {} : { next: told }) })
    }
    told = placeOf(least)
    for (const { waiting } of readings) {
      if (waiting[0] !== undefined && placeOf(waiting[0]) === told) waiting.shift()
    }
    items.push(least)
  }
}

/** The next page of a source; what speaks against going on. */
async function readOn(reading: Reading): Promise<string | undefined> {
  try {
    const { items, upTo, scanned, mistake } = await reading.source(reading.upTo)
    reading.waiting = [...items]
    reading.scanned += scanned
    reading.isDone = upTo === undefined
    reading.upTo = upTo ?? reading.upTo
    return mistake
  } catch {
    reading.isDone = true
    reading.isSilent = true
    return undefined
  }
}

/** The first of those that wait. The ledger stands first among the sources, and is the newest. */
function leastOf(readings: readonly Reading[]): RunItem | undefined {
  let least: RunItem | undefined
  for (const { waiting } of readings) {
    const [first] = waiting
    if (first === undefined) continue
    if (least === undefined || placeOf(first) < placeOf(least)) least = first
  }
  return least
}

function leastPlace(readings: readonly Reading[]): string | undefined {
  let least: string | undefined
  for (const { upTo } of readings) {
    if (upTo === undefined) return undefined
    if (least === undefined || upTo < least) least = upTo
  }
  return least
}

function before(upTo: string | undefined, place: string): boolean {
  return upTo === undefined || upTo < place
}
