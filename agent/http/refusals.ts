/**
 * What the listener itself answers, before anybody behind it is asked. The documents look like the
 * control API's own errors: `code` is stable, `fix` says what to do next.
 */
import type { HttpReply } from './exchange.ts'
import type { HttpLimits } from './limits.ts'

export interface HttpRefusal {
  status: number
  code: string
  why: string
  fix: string
  headers?: Readonly<Record<string, string>>
}

/** In seconds. What was full a moment ago is most likely free again. */
const retrySoon = { 'retry-after': '1' }

export const refusals = {
  malformed: (): HttpRefusal => ({
    status: 400,
    code: 'malformed',
    why: 'this is not HTTP',
    fix: 'speak HTTP/1.1 here; agents talk to each other on another port',
  }),
  wrongHost: (host: string | undefined): HttpRefusal => ({
    status: 421,
    code: 'wrongHost',
    why: `the request is for the host ${JSON.stringify((host ?? '').slice(0, 100))}, which this agent is not known by`,
    fix: 'ask for 127.0.0.1, localhost or the address itself, or add the name to api.names of that agent',
  }),
  foreignOrigin: (): HttpRefusal => ({
    status: 403,
    code: 'foreignOrigin',
    why: 'the request was made by a page of another site',
    fix: 'ask from a page of this agent, or from a program that is no browser',
  }),
  notJson: (): HttpRefusal => ({
    status: 415,
    code: 'notJson',
    why: 'the body is not said to be JSON',
    fix: 'send it with content-type: application/json, not compressed',
  }),
  tooLarge: (bytesMax: number): HttpRefusal => ({
    status: 413,
    code: 'tooLarge',
    why: `the body is larger than ${bytesMax} bytes`,
    fix: 'send less at once',
  }),
  headersTooLarge: (limits: HttpLimits): HttpRefusal => ({
    status: 431,
    code: 'headersTooLarge',
    why: `the headers are larger than ${limits.headerBytesMax} bytes`,
    fix: 'send fewer or shorter headers',
  }),
  tooSlow: (): HttpRefusal => ({
    status: 408,
    code: 'tooSlow',
    why: 'the request took too long to arrive',
    fix: 'send it at once',
  }),
  overloaded: (): HttpRefusal => ({
    status: 429,
    code: 'overloaded',
    why: 'this agent is answering as many requests as it takes at once',
    fix: 'try again in a moment',
    headers: retrySoon,
  }),
  closing: (): HttpRefusal => ({
    status: 503,
    code: 'closing',
    why: 'this agent is stopping',
    fix: 'ask another agent of the mesh',
    headers: retrySoon,
  }),
  unreachable: (limits: HttpLimits): HttpRefusal => ({
    status: 504,
    code: 'unreachable',
    why: `there was no answer within ${limits.answerTimeoutMs} ms`,
    fix: 'try again, and look at skein health',
  }),
  internal: (): HttpRefusal => ({
    status: 500,
    code: 'internal',
    why: 'the agent made a mistake of its own',
    fix: 'look into the log of the agent',
  }),
} as const

/** Refused before there was anything to answer. */
const unanswered = ['noTls', 'tooManyConnections', 'stalled']

/**
 * Of what a listener has counted, what it refused by itself, under names that stand beside the reasons
 * of those behind it: `httpTooSlow`. Whom its guard has turned away is counted there.
 */
export function refusedUnasked(counts: Readonly<Record<string, number>>): Record<string, number> {
  const own = [...Object.keys(refusals), ...unanswered]
  return Object.fromEntries(
    own.map((code) => [`http${code[0]?.toUpperCase()}${code.slice(1)}`, counts[code] ?? 0]),
  )
}

const encoder = new TextEncoder()

type WholeReply = HttpReply & { body: Uint8Array }

export function refusalReply({ status, code, why, fix, headers }: HttpRefusal): WholeReply {
  const document = { schemaVersion: 1, error: { code, why, fix } }
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: encoder.encode(`${JSON.stringify(document)}\n`),
  }
}

/** The whole of it as bytes, for a connection on which nothing could be understood. */
export function refusalBytes(refusal: HttpRefusal): Uint8Array {
  const { status, headers, body } = refusalReply(refusal)
  const fields = { ...headers, 'content-length': String(body.length), connection: 'close' }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = encoder.encode(`HTTP/1.1 ${status} ${refusal.code}\r\n${lines.join('')}\r\n`)
  return Buffer.concat([head, body])
}
