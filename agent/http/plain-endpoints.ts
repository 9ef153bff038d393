/**
 * What monitoring and service managers ask, beside the API: `/metrics`, `/health` (is the agent
 * itself well) and `/ready` (does it take part in the mesh). Small answers, from memory.
 */
import { contentTypes, expose, formatFor } from '../metrics/exposition.ts'
import type { Metrics } from '../metrics/registry.ts'
import type { Handle, HttpReply, HttpRequest } from './exchange.ts'
import { refusalReply } from './refusals.ts'

export interface Standing {
  ok: boolean
  /** What is wrong, where something is. */
  why?: string
}

export interface PlainSources {
  metrics: Metrics
  health(): Standing
  ready(): Standing
}

const encoder = new TextEncoder()

/** Answers the plain paths itself, and leaves all others to `rest`. */
export function withPlainEndpoints(sources: PlainSources, rest: Handle): Handle {
  return async (request, signal) => {
    const answer = answerTo(request.path, sources)
    if (answer === undefined) return rest(request, signal)
    return request.method === 'GET' ? answer(request) : notGet(request)
  }
}

function answerTo(
  path: string,
  { metrics, health, ready }: PlainSources,
): ((request: HttpRequest) => HttpReply) | undefined {
  if (path === '/metrics') return ({ headers }) => metricsReply(metrics, headers.accept)
  if (path === '/health') return () => standingReply(health())
  if (path === '/ready') return () => standingReply(ready())
  return undefined
}

function metricsReply(metrics: Metrics, accept: string | undefined): HttpReply {
  const format = formatFor(accept)
  const headers = { 'content-type': contentTypes[format], vary: 'accept' }
  return { status: 200, headers, body: encoder.encode(expose(metrics, format)) }
}

function standingReply({ ok, why }: Standing): HttpReply {
  const document = { schemaVersion: 1, ok, ...(why === undefined ? {} : { why }) }
  return {
    status: ok ? 200 : 503,
    headers: { 'content-type': 'application/json' },
    body: encoder.encode(`${JSON.stringify(document)}\n`),
  }
}

function notGet({ method, path }: HttpRequest): HttpReply {
  return refusalReply({
    status: 405,
    code: 'methodNotAllowed',
    why: `${method} is not for ${path}`,
    fix: 'use GET',
    headers: { allow: 'GET, HEAD' },
  })
}
