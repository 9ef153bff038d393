/**
 * What only another node knows is asked of that node, over the mesh, with the same request; and what
 * other agents ask of this one comes in here.
 */
import type { Agent } from '../../agent/agent.ts'
import { BadQuestion } from '../../agent/requests/calls.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { type Asked, callOf, readReply } from './calls.ts'
import type { ApiReply, ApiRequest, Request } from './dispatch.ts'
import { commandHeader } from './door.ts'
import { errorReply } from './errors.ts'
import { packReply, packRequest, unpackReply, unpackRequest } from './forward.ts'
import { findNode } from './node-reference.ts'
import { nodesOf } from './queries.ts'
import { ApiRefusal } from './refusal.ts'
import { acts } from './route-paths.ts'
import type { ActingRoute, RouteName, RouteResponse } from './routes.ts'
import { routeAt } from './routing.ts'
import type { Node } from './schemas.ts'

const SERVICE = 'api'
const NODES = '/api/v1/nodes'
const OWN = `${NODES}/self`
/** What an agent is asked about itself. */
export const OF_ITSELF = { parameters: { node: 'self' } } as const
const FORWARD_DEADLINE_MS = 3_000

export class OtherNodes {
  readonly #agent: Agent

  constructor(agent: Agent) {
    this.#agent = agent
  }

  /** The node that a person means. */
  find(reference: string): Node {
    return findNode(reference, nodesOf(this.#agent))
  }

  /** Asks a node to answer a request about itself. */
  ask<N extends RouteName>(
    node: Node,
    name: N,
    asked: Asked<N>,
    signal: AbortSignal,
  ): Promise<RouteResponse<N>> {
    return this.#carry(node, name, callOf(name, asked), signal)
  }

  /** An act goes on as it came, because only that is what was signed. */
  passOn<N extends ActingRoute>(
    node: Node,
    name: N,
    { call, signal, forwarded }: Pick<Request<N>, 'call' | 'signal' | 'forwarded'>,
  ): Promise<RouteResponse<N>> {
    if (!forwarded) return this.#carry(node, name, call, signal)
    const why = `another agent takes this one for ${node.name}`
    throw new ApiRefusal('conflict', why, 'name the node by its id')
  }

  /**
   * Another agent forwards what its client asked: what is looked at, about this node only, and acts
   * on nodes with the command that was signed for them.
   */
  serve(answer: (request: ApiRequest, signal: AbortSignal) => Promise<ApiReply>): void {
    const { signal: never } = new AbortController()
    this.#agent.calls.serve(SERVICE, async (from, packed) => {
      const call = unpackRequest(packed)
      if (!call.ok) throw new BadQuestion(`no call of the API: ${call.why}`)
      if (!isForPeers(call.value)) {
        const why = 'a peer may only ask an agent about itself'
        return packReply(errorReply(new ApiRefusal('refused', why, `ask for ${OWN}`)))
      }
      return packReply(await answer({ ...call.value, forwardedBy: from }, never))
    })
  }

  async #carry<N extends RouteName>(
    node: Node,
    name: N,
    call: ApiRequest,
    signal: AbortSignal,
  ): Promise<RouteResponse<N>> {
    if (signal.aborted) throw new ApiRefusal('unreachable', 'the client has gone', 'ask again')
    const { calls } = this.#agent
    const result = await calls.ask(
      node.id as PeerId,
      SERVICE,
      packRequest(call),
      FORWARD_DEADLINE_MS,
    )
    const reply = result.ok ? unpackReply(result.body) : undefined
    if (reply?.ok) return readReply(name, reply.value)
    const why = result.ok ? 'it answered with nonsense' : result.why
    const fix = `try again, or look at ${node.name} itself`
    throw new ApiRefusal('unreachable', `${node.name} did not answer: ${why}`, fix)
  }
}

/** A command about nodes is judged where it takes effect; that one came with it makes no act of a look. */
export function isForPeers({ method, path, headers }: ApiRequest): boolean {
  if (path === OWN || path.startsWith(`${OWN}/`)) return true
  if (headers[commandHeader] === undefined || !path.startsWith(`${NODES}/`)) return false
  const found = routeAt(method, path)
  return found !== undefined && acts(found.route)
}
