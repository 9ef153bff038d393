/** Answers of one row, and of many in pages. */
import type { LocalLimits } from './limits.ts'
import type { Octets } from './octets.ts'
import type { Page, Paging, Query, Values } from './queries.ts'
import { endOf } from './rows.ts'
import type { LedgerState } from './state.ts'

export type Answering<K extends Query['kind']> = (
  state: LedgerState,
  query: Extract<Query, { kind: K }>,
  limits: LocalLimits,
) => Values[K]

export function one<T>(state: LedgerState, key: string, item: (row: Octets) => T): T | undefined {
  const row = state.rows.get(key)
  return row === undefined ? undefined : item(row)
}

/** The keys that may stand in a list: those with `from` ≤ key < `to`, named by what follows `base`. */
export interface Span {
  readonly base: string
  readonly from: string
  readonly to: string
}

export function spanOf(base: string, prefix = ''): Span {
  return { base, from: base + prefix, to: endOf(base + prefix) }
}

/** What has gone into a page so far. Whoever makes an item of more than its row adds to it. */
export interface Tally {
  bytes: number
}

/** Makes an item of a row, or leaves it out. */
export type ItemOf<T> = (name: string, row: Octets, tally: Tally) => T | undefined

export function page<T>(
  state: LedgerState,
  { base, from, to }: Span,
  { limit, after }: Paging,
  { listItemsMax, listBytesMax, listScanMax }: LocalLimits,
  itemOf: ItemOf<T>,
): Page<T> {
  const itemsMax = Math.max(1, Math.min(limit ?? listItemsMax, listItemsMax))
  // The least key above `after`; a span that begins beyond it comes first.
  const onwards = after === undefined ? from : `${base}${after}\0`
  const items: T[] = []
  const tally = { bytes: 0 }
  let scanned = 0
  let last = ''
  for (const [key, row] of state.rows.entries(onwards < from ? from : onwards, to)) {
    tally.bytes += key.length + row.length
    const isFull = items.length >= itemsMax || (tally.bytes > listBytesMax && items.length > 0)
    if (isFull || scanned >= listScanMax) return { items, next: last }
    last = key.slice(base.length)
    const item = itemOf(last, row, tally)
    if (item !== undefined) items.push(item)
    else {
      tally.bytes -= key.length + row.length
      scanned++
    }
  }
  return { items }
}
