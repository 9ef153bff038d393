import type { HttpRefusal } from './refusals.ts'

/**
 * A request and a reply, without the socket. The control API (coordinator/api) speaks of the same
 * shapes, so that neither has to import the other.
 */
export interface HttpRequest {
  /** `HEAD` arrives as `GET`; the listener keeps the body of the answer to itself. */
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
}

/** A request before its body is read. */
export type HttpHead = Omit<HttpRequest, 'body'>

/**
 * Asked before a body is read: how many bytes of one are taken, or why the request is not. It must
 * be quick; nobody else is served meanwhile.
 */
export type Guard = (head: HttpHead) => { bodyBytesMax: number } | HttpRefusal

export interface HttpReply {
  status: number
  /** Names in lower case. Length, connection and caching are the listener's business. */
  headers: Readonly<Record<string, string>>
  /** A stream is asked for its next piece when the client has taken the last. */
  body: Uint8Array | AsyncIterable<Uint8Array>
}

/** `signal` is aborted when the client has gone, was too slow, or the listener closes. */
export type Handle = (request: HttpRequest, signal: AbortSignal) => Promise<HttpReply>
