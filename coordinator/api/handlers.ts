/** Puts the handlers of all routes together, each behind the audit log. */
import type { Agent } from '../../agent/agent.ts'
import { stackOf } from '../../protocol/thrown.ts'
import type { AuditDesk } from '../audit/desk.ts'
import type { ConfigDesk } from '../config/desk.ts'
import { isRetiring } from '../joining/issuers.ts'
import type { IssuingKey } from '../joining/issuing-key.ts'
import type { WorkflowLibrary } from '../runs/library.ts'
import type { SchedulerOffice } from '../scheduler/module.ts'
import type { SecretKeeper } from '../secrets/keeper.ts'
import type { SwarmDesk } from '../swarm/desk.ts'
import { audited, recordRefused } from './acts.ts'
import { ArtifactApi } from './artifact-handlers.ts'
import { auditHandlers } from './audit-handlers.ts'
import { configHandlers } from './config-handlers.ts'
import { type ApiReply, type ApiRequest, dispatch, type Handlers } from './dispatch.ts'
import type { Door } from './door.ts'
import { estopHandlers } from './estop-handlers.ts'
import { eventHandlers } from './event-handlers.ts'
import { federationHandlers } from './federation-handlers.ts'
import { healthOf } from './health.ts'
import { hostHistoryHandlers } from './host-history.ts'
import { issuerHandlers } from './issuer-handlers.ts'
import { keyHandlers } from './key-handlers.ts'
import { modelHandlers } from './model-handlers.ts'
import { NodeApi } from './node-handlers.ts'
import { OF_ITSELF, OtherNodes } from './other-nodes.ts'
import { Planning } from './planning.ts'
import { statusOf } from './queries.ts'
import { revokeHandlers } from './revoke-handlers.ts'
import { routeAt } from './routing.ts'
import { runHandlers } from './run-handlers.ts'
import type { RunApiParts } from './run-parts.ts'
import { SCHEMA_VERSION } from './schemas.ts'
import { secretHandlers } from './secret-handlers.ts'
import { TokenApi } from './token-handlers.ts'
import { UserApi } from './user-handlers.ts'

type MeshRoute = 'status' | 'health' | 'plan' | 'leave'

export interface ControlApiParts {
  readonly library: WorkflowLibrary
  readonly office: SchedulerOffice
  readonly audit: AuditDesk
  readonly secrets: SecretKeeper
  readonly issuing: IssuingKey
  readonly swarm: SwarmDesk
  /** What this host does with the mesh's configuration. */
  readonly config: ConfigDesk
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
    const others = new OtherNodes(agent)
    const ask: RunApiParts['ask'] = (node, name, asked, signal) =>
      others.ask(others.find(node), name, asked, signal)
    const handlers = {
      ...this.meshHandlers(),
      ...new NodeApi(agent, others).handlers(),
      ...eventHandlers(agent),
      ...runHandlers({ agent, library, office, ask }),
      ...new ArtifactApi({ agent, library, ask }).handlers(),
      ...auditHandlers({ agent, ask }),
      ...estopHandlers(agent),
      ...new UserApi(agent).handlers(),
      ...secretHandlers(agent, secrets),
      ...revokeHandlers(agent),
      ...hostHistoryHandlers({
        agent,
        find: (node) => others.find(node),
        ask: (node, query, signal) =>
          others.ask(node, 'hostHistory', { ...OF_ITSELF, query }, signal),
        passOn: (node, request) => others.passOn(node, 'purgeHistory', request),
      }),
      ...modelHandlers(agent, library),
      ...federationHandlers(agent),
      ...configHandlers({ agent, desk: parts.config, others }),
      ...new TokenApi(agent, () => swarm.hold.dialled).handlers(),
      ...keyHandlers(agent, swarm),
      ...issuerHandlers({
        agent,
        issuing: parts.issuing,
        find: (node) => others.find(node),
        reception: (node, signal) => others.ask(node, 'issuingReception', OF_ITSELF, signal),
        passOn: (node, name, request) => others.passOn(node, name, request),
      }),
    }
    this.handlers = audited(handlers, audit, agent.settings.name)
    others.serve((request, signal) => this.answer(request, signal))
  }

  answer(request: ApiRequest, signal: AbortSignal): Promise<ApiReply> {
    const isAtOnce = routeAt(request.method, request.path)?.route.isAtOnce === true
    if (!isAtOnce) return this.dispatched(request, signal)
    const calm = this.agent.estop.hurry()
    return this.dispatched(request, signal).finally(calm)
  }

  private dispatched(request: ApiRequest, signal: AbortSignal): Promise<ApiReply> {
    return dispatch(request, this.handlers, this.door, signal, (error, path, faultId) => {
      const why = stackOf(error)
      this.agent.ports.log.child('api').error('request failed', { path, faultId, why })
    })
  }

  private meshHandlers(): Pick<Handlers, MeshRoute> {
    const { agent } = this
    const planning = new Planning(agent)
    return {
      status: () => statusOf(agent),
      health: () => healthOf(agent),
      plan: ({ body, signal }) => planning.plan(body, signal),
      leave: () => {
        void agent.leave()
        return { schemaVersion: SCHEMA_VERSION, done: true }
      },
    }
  }
}
