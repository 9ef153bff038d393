/**
 * This host's own rows as numbers that can be learned from: those that it trains on, or counts, and those
 * that it votes by: no row is both. As a history grows, what is new may take the place of a row that
 * was kept, and none that was trained on is kept later. It is done in slices, between which whatever
 * else waits has its turn.
 */
import type { Examples } from '../../../models/federation/rounds/trainable.ts'
import type { Clock } from '../../../protocol/ports/clock.ts'
import { described, latestSucceeded } from '../described.ts'
import type { OwnRow } from '../lesson.ts'
import { roundLimits } from './limits.ts'

export interface OwnExamples {
  /** Rows that there are, both together. */
  readonly rows: number
  readonly trained: Examples
  readonly kept: Examples
}

export interface ExampleParts {
  readonly clock: Pick<Clock, 'after'>
  /** What this host is called, as whoever asks of its attempts says it. */
  readonly host: string
  rows(): AsyncIterable<OwnRow>
  /** The latest of them, and no more than so many. */
  readonly rowsMax?: number
}

/** Undefined of too few. */
export async function ownExamples(parts: ExampleParts): Promise<OwnExamples | undefined> {
  const { clock, host } = parts
  const { rowsAtOnce, rowsMin } = roundLimits
  const rows = await latestSucceeded(parts.rows(), parts.rowsMax ?? roundLimits.rowsMax)
  if (rows.length < rowsMin) return undefined
  const two = Map.groupBy(drawn(rows), ({ isKept }) => isKept)
  const ofKind = (isKept: boolean) => {
    const some = two.get(isKept) ?? []
    const own = some.map(({ row }) => row)
    return described(own, { clock, host, rowsAtOnce })
  }
  return { rows: rows.length, trained: await ofKind(false), kept: await ofKind(true) }
}

/** One in so many is kept, and always the few of the lowest lots: votes are never of what was trained on. */
function drawn(rows: readonly OwnRow[]): { row: OwnRow; isKept: boolean }[] {
  const { voteRowsMin, votesOneIn } = roundLimits
  const lots = rows.map(lotOf)
  const usual = 2 ** 32 / votesOneIn - 1
  const isEnough = lots.filter((lot) => lot <= usual).length >= voteRowsMin
  const highest = isEnough ? usual : (lots.toSorted((a, b) => a - b)[voteRowsMin - 1] ?? usual)
  return rows.map((row, i) => ({ row, isKept: (lots[i] as number) <= highest }))
}

/** 32 bits, by what the row says, as far as that differs from row to row: FNV-1a, mixed to its highest bits. */
function lotOf({ task, startedMs, endedMs }: OwnRow): number {
  const text = `${task} ${startedMs} ${endedMs}`
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}
