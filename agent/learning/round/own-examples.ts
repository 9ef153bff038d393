/**
 * This host's own rows as numbers that a network can learn from: those that it trains on, and those
 * that it votes by. Which is which follows from the row, so that no row is ever both. It is done in
 * slices, between which whatever else waits has its turn.
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
  const { rowsMax, rowsMin, voteRowsMin } = roundLimits
  const latest: Row[] = []
  for await (const row of parts.rows()) {
    if (row.ended !== 'succeeded') continue
    latest.push({ ...row, host })
    // In one go now and then: each by itself would move all the others.
    if (latest.length >= 2 * rowsMax) latest.splice(0, rowsMax)
  }
  const rows = latest.slice(-rowsMax)
  if (rows.length < rowsMin) return undefined
  const voting = rows.filter(isKept)
  const isEnough = voting.length >= voteRowsMin
  const trained = isEnough ? rows.filter((row) => !isKept(row)) : rows
  return {
    rows: rows.length,
    trained: await described(trained, clock),
    kept: await described(isEnough ? voting : rows, clock),
  }
}

/** By what the row says, as far as that differs from row to row: FNV-1a. */
export function isKept({ task, startedMs, endedMs }: OwnRow): boolean {
  const text = `${task} ${startedMs} ${endedMs}`
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 8) % roundLimits.votesOneIn === 0
}

async function described(rows: readonly Row[], clock: ExampleParts['clock']): Promise<Examples> {
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
