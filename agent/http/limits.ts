/** What the control API's socket takes, and how long it waits. Callers pass their own or take these. */
import { assert } from '../../protocol/assert.ts'

export interface HttpLimits {
  /** Open connections. For one more, the one that has been silent for longest is closed, and counted. */
  connectionsMax: number
  /** Requests being answered. One more is told to come back (429). */
  requestsMax: number
  /** Streams being read, which are not counted above. One more is told to come back (429). */
  streamsMax: number
  /** Answers a second, and at once, to those who are turned away unknown; then each waits, so long. */
  strangersPerSecond: number
  strangersAtOnce: number
  strangerWaitMsMax: number
  /** All headers of a request, its first line included (431). */
  headerBytesMax: number
  /** Body of one request (413; a route may take less), and of all that are being read (429). */
  bodyBytesMax: number
  bodiesBytesMax: number
  /** From the connection, or the last request on it, until the headers are in (408). */
  headersTimeoutMs: number
  /** The same until the body is in (408). */
  requestTimeoutMs: number
  /** How often those two are looked at: a late request is found this much later at most. */
  timeoutCheckMs: number
  /** A connection without a request is closed after this. */
  keepAliveMs: number
  /** From the whole request until its answer begins (504). Handlers have shorter waits of their own. */
  answerTimeoutMs: number
  /** A client that takes nothing of an answer for this long is cut off. */
  stallTimeoutMs: number
  /** How long what is still sent is swallowed after a refusal, so that the refusal can be read. */
  lingerMs: number
  /** From the wish to close until what is still open is cut. */
  closeTimeoutMs: number
}

export const httpLimits: HttpLimits = {
  connectionsMax: 256,
  requestsMax: 64,
  streamsMax: 64,
  strangersPerSecond: 20,
  strangersAtOnce: 100,
  strangerWaitMsMax: 1_000,
  headerBytesMax: 16 * 1024,
  bodyBytesMax: 8 * 1024 * 1024,
  bodiesBytesMax: 16 * 1024 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  timeoutCheckMs: 5_000,
  keepAliveMs: 30_000,
  answerTimeoutMs: 30_000,
  stallTimeoutMs: 60_000,
  lingerMs: 1_000,
  closeTimeoutMs: 3_000,
}

export function assertLawful(limits: HttpLimits): void {
  for (const [name, value] of Object.entries(limits)) {
    assert(Number.isSafeInteger(value) && value > 0, 'a limit must be a whole number above 0', {
      name,
      value,
    })
  }
  assert(limits.headersTimeoutMs <= limits.requestTimeoutMs, 'headers are part of a request')
  assert(limits.bodyBytesMax <= limits.bodiesBytesMax, 'one body must fit into all')
}

assertLawful(httpLimits)
