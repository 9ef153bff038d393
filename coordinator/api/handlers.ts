/**
 * What each route does. An agent answers from what it knows; what only another node knows is asked
 * of that node, over the mesh, with the same request.
 */

import type { Agent } from '../../agent/agent.ts'
import type { JournalEvent } from '../../agent/journal/journal.ts'
import { BadQuestion } from '../../agent/requests/calls.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { stackOf } from '../../protocol/thrown.ts'
import type { AuditDesk } from '../audit/desk.ts'
import { VOTING_KEY } from '../autopilot/autopilot.ts'
import { isRetiring } from '../joining/issuers.ts'
import type { IssuingKey } from '../joining/issuing-key.ts'
import type { WorkflowLibrary } from '../runs/library.ts'
import type { SchedulerOffice } from '../scheduler/module.ts'
import type { SecretKeeper } from '../secrets/keeper.ts'
import type { SwarmDesk } from '../swarm/desk.ts'
import { audited, recordRefused } from './acts.ts'
import { appended } from './appending.ts'
import { ArtifactApi } from './artifact-handlers.ts'
import { auditHandlers } from './audit-handlers.ts'
import { type Asked, callOf, readReply } from './calls.ts'
import {
  type ApiReply,
  type ApiRequest,
  dispatch,
  type Handlers,
  type Request,
} from './dispatch.ts'
import { commandHeader, type Door } from './door.ts'
import { errorReply } from './errors.ts'
import { estopHandlers } from './estop-handlers.ts'
import { packReply, packRequest, unpackReply, unpackRequest } from './forward.ts'
import { healthOf } from './health.ts'
import { hostHistoryHandlers } from './host-history.ts'
import { issuerHandlers } from './issuer-handlers.ts'
import { keyHandlers } from './key-handlers.ts'
import { findNode } from './node-reference.ts'
import { Planning } from './planning.ts'
import { modulesOf, nodeOf, nodesOf, ownDetailOf, statusOf } from './queries.ts'
import { type ApiCode, ApiRefusal } from './refusal.ts'
import { revokeHandlers } from './revoke-handlers.ts'
import type { ActingRoute, ReadQuery, RouteName, RouteResponse } from './routes.ts'
import { runHandlers } from './run-handlers.ts'
import type { RunApiParts } from './run-parts.ts'
import type { ModuleList, Node, NodeDetail } from './schemas.ts'
import { SCHEMA_VERSION } from './schemas.ts'
import { secretHandlers } from './secret-handlers.ts'
import { TokenApi } from './token-handlers.ts'
import { UserApi } from './user-handlers.ts'

const SERVICE = 'api'
const NODES = '/api/v1/nodes'
const OWN = `${NODES}/self`
const OF_ITSELF = { parameters: { node: 'self' } } as const
const FORWARD_DEADLINE_MS = 3_000
/** Events that wait for a slow follower. When full, it is cut off and comes back by `since`. */
const FOLLOWER_QUEUE_MAX = 1_000

type EventsQuery = ReadQuery<'events'>
/** Those that have a file of their own. */
type OtherRoute =
  | keyof ReturnType<typeof runHandlers>
  | keyof ReturnType<ArtifactApi['handlers']>
  | keyof ReturnType<typeof auditHandlers>
  | keyof ReturnType<typeof estopHandlers>
  | keyof ReturnType<UserApi['handlers']>
  | keyof ReturnType<typeof secretHandlers>
  | keyof ReturnType<typeof revokeHandlers>
  | keyof ReturnType<typeof hostHistoryHandlers>
  | keyof ReturnType<TokenApi['handlers']>
  | keyof ReturnType<typeof keyHandlers>
  | keyof ReturnType<typeof issuerHandlers>

export interface ControlApiParts {
  readonly library: WorkflowLibrary
  readonly office: SchedulerOffice
  readonly audit: AuditDesk
  readonly secrets: SecretKeeper
  readonly issuing: IssuingKey
  readonly swarm: SwarmDesk
  /** Whom it lets in. */
  readonly door: Door
}

export class ControlApi {
  private readonly agent: Agent
  private readonly door: Door
  private readonly handlers: Handlers

  constructor(agent: Agent, parts: ControlApiParts) {
    const { library, office, audit, secrets, swarm, door } = parts
    this.agent = agent
    this.door = door
    door.isSuperseded = (issuer) => isRetiring(agent.ledger.state, issuer)
    door.onRefusedAct = recordRefused(audit, agent.settings.name)
    const ask: RunApiParts['ask'] = (node, name, asked, signal) =>
      this.ask(this.find(node), name, asked, signal)
    const handlers = {
      ...this.meshHandlers(),
      ...runHandlers({ agent, library, office, ask }),
      ...new ArtifactApi({ agent, library, ask }).handlers(),
      ...auditHandlers({ agent, ask }),
      ...estopHandlers(agent),
      ...new UserApi(agent).handlers(),
      ...secretHandlers(agent, secrets),
      ...revokeHandlers(agent),
      ...hostHistoryHandlers({
        agent,
        find: (node) => this.find(node),
        ask: (node, query, signal) =>
          this.ask(node, 'hostHistory', { ...OF_ITSELF, query }, signal),
        passOn: (node, request) => this.passOn(node, 'purgeHistory', request),
      }),
      ...new TokenApi(agent, () => swarm.hold.dialled).handlers(),
      ...keyHandlers(agent, swarm),
      ...issuerHandlers({
        agent,
        issuing: parts.issuing,
        find: (node) => this.find(node),
        reception: (node, signal) => this.ask(node, 'issuingReception', OF_ITSELF, signal),
        passOn: (node, name, request) => this.passOn(node, name, request),
      }),
    }
    this.handlers = audited(handlers, audit, agent.settings.name)
    agent.calls.serve(SERVICE, (from, body) => this.answerPeer(from, body))
  }

  answer(request: ApiRequest, signal: AbortSignal): Promise<ApiReply> {
    return dispatch(request, this.handlers, this.door, signal, (error, path, faultId) => {
      const why = stackOf(error)
      this.agent.ports.log.child('api').error('request failed', { path, faultId, why })
    })
  }

  private meshHandlers(): Omit<Handlers, OtherRoute> {
    const { agent } = this
    const planning = new Planning(agent)
    return {
      status: () => statusOf(agent),
      nodes: () => ({ schemaVersion: SCHEMA_VERSION, nodes: nodesOf(agent) }),
      node: ({ parameters, query, signal }) => this.detail(parameters.node, query.minutes, signal),
      labels: (it) => this.label(it),
      voting: (it) => this.voting(it),
      drain: (it) => this.drain(it),
      modules: ({ parameters, signal }) => this.moduleList(parameters.node, signal),
      startModule: (it) => this.turnModule(it, 'startModule'),
      stopModule: (it) => this.turnModule(it, 'stopModule'),
      health: () => healthOf(agent),
      events: ({ query, signal }) => this.events(query, signal),
      plan: ({ body, signal }) => planning.plan(body, signal),
      leave: () => {
        void agent.leave()
        return { schemaVersion: SCHEMA_VERSION, done: true }
      },
    }
  }

  private async detail(
    reference: string,
    minutes: number,
    signal: AbortSignal,
  ): Promise<NodeDetail> {
    const node = this.find(reference)
    if (node.self) return ownDetailOf(this.agent, minutes)
    const known: NodeDetail = {
      schemaVersion: SCHEMA_VERSION,
      node,
      history: [],
      modules: [],
      refusals: {},
    }
    if (node.state === 'dead' || node.state === 'left') {
      return { ...known, unanswered: `${node.name} is ${node.state}` }
    }
    try {
      const asked = { parameters: { node: 'self' }, query: { minutes } }
      const own = await this.ask(node, 'node', asked, signal)
      return { ...own, node }
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error
      return { ...known, unanswered: error.why }
    }
  }

  private async label(it: Request<'labels'>): Promise<RouteResponse<'labels'>> {
    const node = this.find(it.parameters.node)
    if (!node.self) {
      const answer = await this.passOn(node, 'labels', it)
      return { schemaVersion: SCHEMA_VERSION, node: { ...answer.node, self: false } }
    }
    const change = it.body
    const why = this.agent.labels.refusalOf(change.set, change.remove)
    if (why !== undefined)
      throw new ApiRefusal('badRequest', why, 'change the labels and try again')
    await this.agent.changeLabels(change.set, change.remove)
    return { schemaVersion: SCHEMA_VERSION, node: nodeOf(this.agent.membership.self()) }
  }

  private async voting({
    parameters,
    body: { votes },
    signal,
    trail,
  }: Request<'voting'>): Promise<RouteResponse<'voting'>> {
    const node = this.find(parameters.node)
    const key = `${VOTING_KEY}${node.id}`
    const command: SimpleCommand =
      votes === 'never'
        ? { kind: 'configSet', value: { key, value: votes } }
        : { kind: 'configUnset', value: { key } }
    await appended(this.agent, command, signal, trail)
    return { schemaVersion: SCHEMA_VERSION, node }
  }

  private async drain({
    parameters,
    body: { drained, reason },
    caller: { name: by },
    signal,
    trail,
  }: Request<'drain'>): Promise<RouteResponse<'drain'>> {
    const { id, name } = this.find(parameters.node)
    const command: SimpleCommand = drained
      ? { kind: 'nodeDrain', value: { node: id, by, reason } }
      : { kind: 'nodeUndrain', value: { node: id } }
    const { code } = await appended(this.agent, command, signal, trail)
    if (code === 'notFound') {
      throw new ApiRefusal('conflict', `${name} is not drained`, 'skein nodes ls shows which are')
    }
    return { schemaVersion: SCHEMA_VERSION, node: this.find(id) }
  }

  private async moduleList(reference: string, signal: AbortSignal): Promise<ModuleList> {
    const node = this.find(reference)
    if (!node.self) {
      return this.ask(node, 'modules', OF_ITSELF, signal)
    }
    return this.ownModules()
  }

  private async turnModule(
    it: Request<'startModule' | 'stopModule'>,
    route: 'startModule' | 'stopModule',
  ): Promise<ModuleList> {
    const node = this.find(it.parameters.node)
    if (!node.self) return this.passOn(node, route, it)
    const outcome = await this.agent.modules[route === 'startModule' ? 'start' : 'stop'](
      it.parameters.module,
    )
    if (outcome.ok) return this.ownModules()
    const code: ApiCode = outcome.code === 'unknown' ? 'notFound' : 'conflict'
    throw new ApiRefusal(code, outcome.why, 'skein modules ls shows the parts and their states')
  }

  private ownModules(): ModuleList {
    const { name } = this.agent.settings
    return { schemaVersion: SCHEMA_VERSION, node: name, modules: modulesOf(this.agent) }
  }

  private find(reference: string): Node {
    return findNode(reference, nodesOf(this.agent))
  }

  private events(query: EventsQuery, signal: AbortSignal): AsyncIterable<JournalEvent> {
    const newest = this.agent.journal.newestSeq()
    if (query.since !== undefined && query.since > newest) {
      const why = `the last event of this agent is ${newest}, and ${query.since} is not one of its own`
      throw new ApiRefusal('conflict', why, 'leave since out to begin with what this agent knows')
    }
    return this.eventsAfter(query, signal)
  }

  private async *eventsAfter(query: EventsQuery, signal: AbortSignal): AsyncIterable<JournalEvent> {
    const { journal } = this.agent
    const queue: JournalEvent[] = []
    let wake = () => {}
    let overflowed = false
    const unfollow = journal.follow((event) => {
      if (queue.length < FOLLOWER_QUEUE_MAX) queue.push(event)
      else overflowed = true
      wake()
    })
    const onAbort = () => wake()
    signal.addEventListener('abort', onAbort)
    try {
      yield* journal.past(query.since ?? 0, query.last)
      while (query.follow && !signal.aborted && !overflowed) {
        const next = queue.shift()
        if (next) yield next
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
      if (overflowed) {
        const why = `this follower was more than ${FOLLOWER_QUEUE_MAX} events behind`
        throw new ApiRefusal('overloaded', why, 'come back with since and the last seq you saw')
      }
    } finally {
      unfollow()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Asks a node to answer a request about itself. */
  private ask<N extends RouteName>(
    node: Node,
    name: N,
    asked: Asked<N>,
    signal: AbortSignal,
  ): Promise<RouteResponse<N>> {
    return this.carry(node, name, callOf(name, asked), signal)
  }

  /** An act goes on as it came, because only that is what was signed. */
  private passOn<N extends ActingRoute>(
    node: Node,
    name: N,
    { call, signal, forwarded }: Pick<Request<N>, 'call' | 'signal' | 'forwarded'>,
  ): Promise<RouteResponse<N>> {
    if (!forwarded) return this.carry(node, name, call, signal)
    const why = `another agent takes this one for ${node.name}`
    throw new ApiRefusal('conflict', why, 'name the node by its id')
  }

  private async carry<N extends RouteName>(
    node: Node,
    name: N,
    call: ApiRequest,
    signal: AbortSignal,
  ): Promise<RouteResponse<N>> {
    if (signal.aborted) throw new ApiRefusal('unreachable', 'the client has gone', 'ask again')
    const body = packRequest(call)
    const result = await this.agent.calls.ask(node.id as PeerId, SERVICE, body, FORWARD_DEADLINE_MS)
    const reply = result.ok ? unpackReply(result.body) : undefined
    if (reply?.ok) return readReply(name, reply.value)
    const why = result.ok ? 'it answered with nonsense' : result.why
    const fix = `try again, or look at ${node.name} itself`
    throw new ApiRefusal('unreachable', `${node.name} did not answer: ${why}`, fix)
  }

  /**
   * Another agent forwards what its client asked: what is looked at, about this node only, and acts
   * on nodes with the command that was signed for them.
   */
  private async answerPeer(from: PeerId, packed: Uint8Array): Promise<Uint8Array> {
    const call = unpackRequest(packed)
    if (!call.ok) throw new BadQuestion(`no call of the API: ${call.why}`)
    if (!isForPeers(call.value)) {
      const why = 'a peer may only ask an agent about itself'
      return packReply(errorReply(new ApiRefusal('refused', why, `ask for ${OWN}`)))
    }
    const request = { ...call.value, forwardedBy: from }
    return packReply(await this.answer(request, new AbortController().signal))
  }
}

function isForPeers({ path, headers }: ApiRequest): boolean {
  if (headers[commandHeader] !== undefined) return path.startsWith(`${NODES}/`)
  return path === OWN || path.startsWith(`${OWN}/`)
}
