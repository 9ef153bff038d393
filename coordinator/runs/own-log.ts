/** A piece of a log that this host keeps, as text. */
import type { Agent } from '../../agent/agent.ts'
import type { AttemptLog } from '../api/run-schemas.ts'
import { SCHEMA_VERSION } from '../api/schemas.ts'
import { runLimits } from './limits.ts'
import type { PieceAsked } from './logs.ts'

export async function ownLog(
  { work }: Agent,
  { from, waitMs: _, ...id }: PieceAsked,
  signal: AbortSignal,
): Promise<AttemptLog> {
  const pieces = work.readLog(id, { from, follow: false, signal })
  const log: AttemptLog = {
    schemaVersion: SCHEMA_VERSION,
    known: pieces !== undefined,
    parts: [],
    missing: 0,
    next: from,
    ended: false,
  }
  if (pieces === undefined) return log
  const ended = !work.isWriting(id)
  let left: number = runLimits.logPieceBytes
  for await (const { at, bytes } of pieces) {
    if (at > log.next) {
      // What is missing is told before what comes after it, so it must be the first of an answer.
      if (log.parts.length > 0) return log
      log.missing = at - log.next
      log.next = at
    }
    const some = bytes.subarray(0, Math.min(left, bytes.length))
    const whole = ended && some.length === bytes.length ? some.length : wholeCharacters(some)
    log.parts.push({ text: Buffer.from(some.subarray(0, whole)).toString() })
    log.next += whole
    left -= whole
    if (left <= 0 || whole < bytes.length) return log
  }
  return { ...log, ended }
}

/** How many of the bytes are before a character that is cut off at the end. */
function wholeCharacters(bytes: Uint8Array): number {
  const least = Math.max(0, bytes.length - 4)
  for (let at = bytes.length - 1; at >= least; at--) {
    const byte = bytes[at]!
    if (byte < 0x80) return bytes.length
    if (byte < 0xc0) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return at + length > bytes.length ? at : bytes.length
  }
  return bytes.length
}
