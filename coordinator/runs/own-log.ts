/** A piece of a log that this host keeps, of an attempt of its own or of another host's, as text. */
import type { Agent } from '../../agent/agent.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { AttemptLog } from '../api/run-schemas.ts'
import { SCHEMA_VERSION } from '../api/schemas.ts'
import { runLimits } from './limits.ts'
import type { PieceAsked } from './logs.ts'

export async function ownLog(
  agent: Agent,
  asked: PieceAsked,
  signal: AbortSignal,
): Promise<AttemptLog> {
  if (asked.copyOf !== undefined) return copiedLog(agent, asked, asked.copyOf)
  const { from, waitMs: _, copyOf: __, ...id } = asked
  const { work } = agent
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

/** What another host had sent here of a log of its own. */
async function copiedLog(
  { logCopies }: Agent,
  { from, waitMs: _, copyOf: __, ...id }: PieceAsked,
  owner: string,
): Promise<AttemptLog> {
  const copy = await logCopies.read(owner as PeerId, id)
  const nothing: AttemptLog = {
    schemaVersion: SCHEMA_VERSION,
    known: false,
    parts: [],
    missing: 0,
    next: from,
    ended: true,
  }
  if (copy === undefined) return nothing
  const { at, bytes, sentAtMs: shippedUntilMs } = copy
  const endsAt = at + bytes.length
  const known = { ...nothing, known: true, shippedUntilMs }
  if (from >= endsAt) return known
  const begins = from > at ? from - at : firstWhole(bytes)
  const text = Buffer.from(bytes.subarray(begins)).toString()
  return { ...known, parts: [{ text }], missing: Math.max(0, at - from), next: endsAt }
}

/** Where the first character begins that was not cut off. */
function firstWhole(bytes: Uint8Array): number {
  let at = 0
  while (at < Math.min(4, bytes.length) && (bytes[at]! & 0xc0) === 0x80) at++
  return at
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
