/**
 * A call as a caller makes it: the route's path filled in, the query and body written. The other
 * half of `reading.ts`, for whoever passes a call on or asks another agent on its own behalf.
 */
import { Mistaken } from './errors.ts'
import type { ApiReply, ApiRequest } from './exchange.ts'
import { type ApiCode, ApiRefusal, httpStatusOf } from './refusal.ts'
import { filledPath } from './route-paths.ts'
import {
  type RouteBody,
  type RouteName,
  type RouteParameters,
  type RouteQuery,
  type RouteResponse,
  routes,
} from './routes.ts'
import { ApiError } from './schemas.ts'

export interface Asked<N extends RouteName> {
  parameters?: RouteParameters<N>
  query?: RouteQuery<N>
  body?: RouteBody<N>
}

const encoder = new TextEncoder()

export function callOf<N extends RouteName>(name: N, asked: Asked<N>): ApiRequest {
  const { method, path } = routes[name]
  const parameters = (asked.parameters ?? {}) as Record<string, string>
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(asked.query ?? {})) {
    if (value !== undefined) query.append(key, String(value))
  }
  const body = asked.body === undefined ? undefined : JSON.stringify(asked.body)
  return {
    method,
    path: filledPath(path, parameters),
    query: query.toString(),
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? new Uint8Array() : encoder.encode(body),
  }
}

/**
 * The document in a whole (not streamed) reply. A refusal is thrown on, as the answerer put it;
 * a reply that makes no sense is the refusal `unreachable`, since nothing useful was reached.
 */
export function readReply<N extends RouteName>(name: N, reply: ApiReply): RouteResponse<N> {
  const document = parsed(reply)
  if (reply.status === 200) {
    const result = routes[name].response.safeParse(document)
    if (result.success) return result.data as RouteResponse<N>
  }
  const refused = ApiError.safeParse(document)
  if (!refused.success) {
    const why = `the other agent answered ${name} with something unintelligible`
    throw new ApiRefusal('unreachable', why, 'compare the versions of the two agents')
  }
  const { code, why, fix, mistakes } = refused.data.error
  // A newer agent may know codes that this one does not.
  if (mistakes !== undefined) throw new Mistaken(why, fix, mistakes)
  throw new ApiRefusal(Object.hasOwn(httpStatusOf, code) ? (code as ApiCode) : 'refused', why, fix)
}

function parsed({ body }: ApiReply): unknown {
  if (!(body instanceof Uint8Array)) return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}
