/**
 * This host's own rows as numbers that a network can learn from: those that it trains on, and those
 * that it votes by: no row is both. As a history grows, what is new may take the place of a row that
 * was kept, and none that was trained on is kept later. It is done in slices, between which whatever
 * else waits has its turn.
 */
import { examplesOf } from '../../../models/federation/describing.ts'
import type { Examples } from '../../../models/federation/rounds/trainable.ts'
import type { Row } from '../../../models/rows.ts'
import type { Clock } from '../../../protocol/ports/clock.ts'
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
}

/** Undefined of too few. */
export async function ownExamples(parts: ExampleParts): Promise<OwnExamples | undefined> {
  const { clock, host } = parts
  const { rowsMax, rowsMin } = roundLimits
  const latest: Row[] = []
  for await (const row of parts.rows()) {
    if (row.ended !== 'succeeded') continue
    latest.push({ ...row, host })
    // In one go now and then: each by itself would move all the others.
    if (latest.length >= 2 * rowsMax) latest.splice(0, rowsMax)
  }
  const rows = latest.slice(-rowsMax)
  if (rows.length < rowsMin) return undefined
  const two = Map.groupBy(drawn(rows), ({ isKept }) => isKept)
  const described = (isKept: boolean) => {
    const some = two.get(isKept) ?? []
    return describedOf(
      some.map(({ row }) => row),
      clock,
    )
  }
  return { rows: rows.length, trained: await described(false), kept: await described(true) }
}

/** One in so many is kept, and always the few of the lowest lots: votes are never of what was trained on. */
function drawn(rows: readonly Row[]): { row: Row; isKept: boolean }[] {
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

async function describedOf(rows: readonly Row[], clock: ExampleParts['clock']): Promise<Examples> {
  const parts: Examples[] = []
  for (let from = 0; from < rows.length; from += roundLimits.rowsAtOnce) {
    parts.push(examplesOf(rows.slice(from, from + roundLimits.rowsAtOnce)))
    await new Promise<void>((resolve) => clock.after(0, resolve))
  }
  return {
    features: joined(parts.map(({ features }) => features)),
    targets: joined(parts.map(({ targets }) => targets)),
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
