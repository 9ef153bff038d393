/** This host's own rows as numbers: which of them, and how, so that whatever else waits has its turn. */
import { examplesOf } from '../../models/federation/describing.ts'
import { type Examples, together } from '../../models/federation/rounds/trainable.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { OwnRow } from './lesson.ts'

export interface Describing {
  readonly clock: Pick<Clock, 'after'>
  /** What this host is called, as whoever asks of its attempts says it. */
  readonly host: string
  /** Rows that are described without a pause. */
  readonly rowsAtOnce: number
}

/** The latest that succeeded, and no more than so many. */
export async function latestSucceeded(
  rows: AsyncIterable<OwnRow>,
  most: number,
): Promise<OwnRow[]> {
  const latest: OwnRow[] = []
  for await (const row of rows) {
    if (row.ended !== 'succeeded') continue
    latest.push(row)
    // In one go now and then: each by itself would move all the others.
    if (latest.length >= 2 * most) latest.splice(0, most)
  }
  return latest.slice(-most)
}

export async function described(
  rows: readonly OwnRow[],
  { clock, host, rowsAtOnce }: Describing,
): Promise<Examples> {
  const parts: Examples[] = []
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    const some = rows.slice(from, from + rowsAtOnce)
    parts.push(examplesOf(some.map((row) => ({ ...row, host }))))
    await new Promise<void>((resolve) => clock.after(0, resolve))
  }
  return together(parts)
}
