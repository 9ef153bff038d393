/** Rows of this host's own attempts on its disk: how they are written, under which keys. */
import { type Disk, type DiskOp, within } from '../../protocol/ports/disk.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import {
  bool,
  field,
  float,
  type Infer,
  message,
  optional,
  text,
  uint,
} from '../../protocol/wire/schema.ts'
import { workLimits } from '../../protocol/work/limits.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'
import type { OwnRow } from './lesson.ts'

/** Field numbers are for ever. */
const StoredRow = message('LearningRow', {
  task: field(1, text(workLimits.fingerprintBytesMax)),
  group: field(2, text(workLimits.workflowNameBytesMax)),
  startedMs: field(3, uint()),
  endedMs: field(4, uint()),
  succeeded: field(5, bool()),
  load: optional(6, float()),
  cpus: optional(7, float()),
  memoryBytes: optional(8, uint()),
  inputBytes: optional(9, uint()),
  inputFiles: optional(10, uint()),
  peakMemoryBytes: optional(11, uint()),
  hostSpeed: optional(12, float()),
})
type StoredRow = Infer<typeof StoredRow>

/** Where all of them lie. */
export const rowsPrefix = 'learning/row/'
/** Keys in the order of numbers, for longer than any disk lasts. */
const DIGITS = 13

export function rowKey(id: number): string {
  return rowsPrefix + String(id).padStart(DIGITS, '0')
}

export function putRow(id: number, { ended, ...row }: OwnRow): DiskOp {
  return { put: rowKey(id), value: encode(StoredRow, { ...row, succeeded: ended === 'succeeded' }) }
}

/** Oldest first. What cannot be read is told by its key alone. */
export async function* storedRows(
  disk: Disk,
): AsyncGenerator<{ key: string; id: number; row: OwnRow | undefined }> {
  for await (const [key, value] of disk.scan(within(rowsPrefix))) {
    const id = Number(key.slice(rowsPrefix.length))
    const read = decode(StoredRow, value)
    const row = read.ok && Number.isSafeInteger(id) ? rowFrom(read.value) : undefined
    yield { key, id, row: row !== undefined && isSensible(row) ? row : undefined }
  }
}

function rowFrom({ succeeded, ...row }: StoredRow): OwnRow {
  return { ...row, ended: succeeded ? 'succeeded' : 'failed' }
}

/** Of times that no attempt can have had, nothing is learned: they come from a clock, or a file, gone wrong. */
export function isSensible({ startedMs, endedMs }: OwnRow): boolean {
  const tookMs = endedMs - startedMs
  return tookMs >= 0 && tookMs <= workflowLimits.durationMsMax
}
