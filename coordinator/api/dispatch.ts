/**
 * The control API without a transport: a call in, a reply out. Finds the route, checks what the
 * call says, asks the handler, checks what it answers. No socket and no clock, so the simulator's
 * agents answer through the same code as real ones.
 *
 * Every answer is checked against its schema, in production too: what was parsed is what is sent,
 * so an undocumented key cannot leak and a document looks the same everywhere. It costs about as
 * much as printing the JSON does (measured: see the README).
 */

import { createHash } from 'node:crypto'
import { stackOf } from '../../protocol/thrown.ts'
import type { Trail } from '../audit/deed.ts'
import { type Caller, certificateHeader, type Door } from './door.ts'
import { errorDocument, errorReply, headersOf } from './errors.ts'
import { type ApiReply, type ApiRequest, jsonLine, jsonReply } from './exchange.ts'
import { openApiReply } from './openapi.ts'
import { type ReadCall, readCall } from './reading.ts'
import { ApiRefusal } from './refusal.ts'
import { acts } from './route-paths.ts'
import type {
  ActingRoute,
  ReadBody,
  ReadQuery,
  RouteName,
  RouteParameters,
  RouteResponse,
  RouteShape,
  routes,
} from './routes.ts'
import { allowedMethods, type FoundRoute, findRoute, routeAt } from './routing.ts'
import { lines } from './streaming.ts'

export type { ApiReply, ApiRequest } from './exchange.ts'

export interface Request<N extends RouteName> {
  parameters: RouteParameters<N>
  query: ReadQuery<N>
  body: ReadBody<N>
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal
  /** True when another agent passed the call on: answer it here or refuse it. */
  forwarded: boolean
  /** The address that it came from, if from outside the mesh. */
  from?: string
  /** Of an act: what is to be written of it. */
  trail?: Trail
  /** Who asks; undefined where another agent passes on what somebody looks at. */
  caller: N extends ActingRoute ? Caller : Caller | undefined
  /** As it came: what is signed is signed for exactly this. */
  call: ApiRequest
}

/**
 * A handler refuses by throwing `ApiRefusal`. One that streams should do so before it returns its
 * source: later, the caller can only be told on the last line.
 */
export type Handlers = {
  [N in RouteName]: (request: Request<N>) => Promise<Answer<N>> | Answer<N>
}

type Answer<N extends RouteName> = (typeof routes)[N] extends { stream: true }
  ? AsyncIterable<RouteResponse<N>>
  : RouteResponse<N>

/** Told of every bug, with the id that the caller was given. */
export type OnFault = (error: unknown, path: string, faultId: string) => void

/**
 * Never rejects. What goes wrong is in the reply, or on the last line of its stream. Some handlers
 * may be missing only where it is known what is asked.
 */
export async function dispatch(
  request: ApiRequest,
  handlers: Partial<Handlers>,
  door: Door,
  signal: AbortSignal,
  onFault: OnFault,
): Promise<ApiReply> {
  const { method, path } = request
  const forwarded = request.forwarded === true
  try {
    // Who has not signed in learns nothing, not even which paths there are.
    const verb = routeAt(method, path)?.route.verb ?? 'mesh.look'
    const entered = forwarded ? undefined : door.enter(request, verb)
    const page = openApiReply(request)
    if (page !== undefined) return page
    const { found, read } = understood(request, door)
    const caller = acts(found.route) ? await door.admit(found, request, entered) : entered
    // The route's schemas have just shown that the request is what its handler takes.
    const handler = handlers[found.name] as (request: unknown) => unknown
    const from = request.from === undefined ? {} : { from: request.from }
    const answer = await handler({ ...read, signal, forwarded, caller, call: request, ...from })
    return reminded(replyOf(found, answer, signal, onFault), entered, door)
  } catch (error) {
    const { refusal, faultId } = refusalOf(error, path, signal, onFault)
    const allow = refusal.code === 'methodNotAllowed' ? { allow: allowedMethods(path) } : {}
    return errorReply(refusal, { ...headersOf(refusal, door), ...allow }, faultId)
  }
}

/** What makes no sense is counted: the audit log has how often it was tried, in one entry. */
function understood(request: ApiRequest, door: Door): { found: FoundRoute; read: ReadCall } {
  try {
    const found = findRoute(request.method, request.path)
    refuseForwardedStream(found, request)
    return { found, read: readCall(found, request) }
  } catch (error) {
    if (error instanceof ApiRefusal && error.code === 'badRequest') door.countBadCall()
    throw error
  }
}

function replyOf(
  { name, route }: FoundRoute,
  answer: unknown,
  signal: AbortSignal,
  onFault: OnFault,
): ApiReply {
  if (route.stream !== true) return jsonReply(200, checked(name, route, answer))
  return {
    status: 200,
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines(
      answer as AsyncIterable<unknown>,
      signal,
      (document) => jsonLine(checked(name, route, document)),
      (error) => {
        const { refusal, faultId } = refusalOf(error, route.path, signal, onFault)
        return jsonLine(errorDocument(refusal, faultId))
      },
    ),
  }
}

/** Whose certificate hangs on an issuing key that is being retired can have it renewed by themselves. */
function reminded(reply: ApiReply, caller: Caller | undefined, door: Door): ApiReply {
  if (caller?.issuer === undefined || !door.isSuperseded(caller.issuer)) return reply
  return { ...reply, headers: { ...reply.headers, [certificateHeader]: 'superseded' } }
}

class AnswerUnfit extends Error {}

function checked(name: RouteName, { response }: RouteShape, answer: unknown): unknown {
  const result = response.safeParse(answer)
  if (result.success) return result.data
  const issues = result.error.issues.slice(0, 5)
  const told = issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
  throw new AnswerUnfit(`what ${name} answers does not fit its schema: ${told}`)
}

/**
 * A bug is told to `onFault` with all there is, and to the caller with an id only. The id is made
 * of the fault itself: no chance is needed, and one bug keeps one id however often it is met.
 */
function refusalOf(
  error: unknown,
  path: string,
  signal: AbortSignal,
  onFault: OnFault,
): { refusal: ApiRefusal; faultId?: string } {
  if (error instanceof ApiRefusal) return { refusal: error }
  if (signal.aborted) {
    return { refusal: new ApiRefusal('unreachable', 'the caller stopped waiting', 'ask again') }
  }
  const what = stackOf(error)
  const faultId = createHash('sha256').update(what).digest('hex').slice(0, 8)
  onFault(error, path, faultId)
  const fix = `look for ${faultId} in the log of the agent that answered`
  return {
    refusal: new ApiRefusal('internal', 'the agent made a mistake of its own', fix),
    faultId,
  }
}

/** A stream lives on one connection with its reader; the mesh carries single answers. */
function refuseForwardedStream({ route }: FoundRoute, request: ApiRequest): void {
  if (route.stream !== true || request.forwarded !== true) return
  throw new ApiRefusal('badRequest', 'a stream cannot be forwarded', 'ask that agent itself')
}
