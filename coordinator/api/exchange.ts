/**
 * A call to the control API and its reply, whatever carried them: a socket, the mesh or a test.
 * The HTTP listener's own types have the same shape on purpose, so that neither imports the other.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'

export interface ApiRequest {
  method: string
  /** As it came, percent-encoded, from the slash up to the question mark. */
  path: string
  /** What is behind the question mark, or nothing. */
  query: string
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>
  body: Uint8Array
  /** The address of whoever asks, as the socket has it. */
  from?: string
  /** Set when another agent passed the call on. Such a call is never passed on again. */
  forwarded?: true
  /** Which agent that was. */
  forwardedBy?: PeerId
}

export interface ApiReply {
  status: number
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>
  /** Pieces are asked for one at a time, and no more once the caller is gone. */
  body: Uint8Array | AsyncIterable<Uint8Array>
}

const encoder = new TextEncoder()

/** One document on one line, so that what is streamed and what is not look the same. */
export function jsonLine(document: unknown): Uint8Array {
  return encoder.encode(`${JSON.stringify(document)}\n`)
}

export function jsonReply(
  status: number,
  document: unknown,
  headers: Readonly<Record<string, string>> = {},
): ApiReply {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: jsonLine(document),
  }
}
