/** What is asked of nodes and done to them: each says of itself what only it knows. */
import type { Agent } from '../../agent/agent.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { VOTING_KEY } from '../autopilot/calm.ts'
import { appended } from './appending.ts'
import type { Handlers, Request } from './dispatch.ts'
import { OF_ITSELF, type OtherNodes } from './other-nodes.ts'
import { modulesOf, nodeOf, nodesOf, ownDetailOf } from './queries.ts'
import { type ApiCode, ApiRefusal } from './refusal.ts'
import type { RouteResponse } from './routes.ts'
import { type ModuleList, type NodeDetail, SCHEMA_VERSION } from './schemas.ts'

type NodeRoute =
  | 'nodes'
  | 'node'
  | 'labels'
  | 'voting'
  | 'drain'
  | 'modules'
  | 'startModule'
  | 'stopModule'

export class NodeApi {
  readonly #agent: Agent
  readonly #others: OtherNodes

  constructor(agent: Agent, others: OtherNodes) {
    this.#agent = agent
    this.#others = others
  }

  handlers(): Pick<Handlers, NodeRoute> {
    return {
      nodes: () => ({ schemaVersion: SCHEMA_VERSION, nodes: nodesOf(this.#agent) }),
      node: ({ parameters, query, signal }) => this.#detail(parameters.node, query.minutes, signal),
      labels: (it) => this.#label(it),
      voting: (it) => this.#voting(it),
      drain: (it) => this.#drain(it),
      modules: ({ parameters, signal }) => this.#moduleList(parameters.node, signal),
      startModule: (it) => this.#turnModule(it, 'startModule'),
      stopModule: (it) => this.#turnModule(it, 'stopModule'),
    }
  }

  async #detail(reference: string, minutes: number, signal: AbortSignal): Promise<NodeDetail> {
    const node = this.#others.find(reference)
    if (node.self) return ownDetailOf(this.#agent, minutes)
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
      const asked = { ...OF_ITSELF, query: { minutes } }
      const own = await this.#others.ask(node, 'node', asked, signal)
      return { ...own, node }
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error
      return { ...known, unanswered: error.why }
    }
  }

  async #label(it: Request<'labels'>): Promise<RouteResponse<'labels'>> {
    const node = this.#others.find(it.parameters.node)
    if (!node.self) {
      const answer = await this.#others.passOn(node, 'labels', it)
      return { schemaVersion: SCHEMA_VERSION, node: { ...answer.node, self: false } }
    }
    const change = it.body
    const why = this.#agent.labels.refusalOf(change.set, change.remove)
    if (why !== undefined)
      throw new ApiRefusal('badRequest', why, 'change the labels and try again')
    await this.#agent.changeLabels(change.set, change.remove)
    return { schemaVersion: SCHEMA_VERSION, node: nodeOf(this.#agent.membership.self()) }
  }

  async #voting({
    parameters,
    body: { votes },
    signal,
    trail,
  }: Request<'voting'>): Promise<RouteResponse<'voting'>> {
    const node = this.#others.find(parameters.node)
    const key = `${VOTING_KEY}${node.id}`
    const command: SimpleCommand =
      votes === 'never'
        ? { kind: 'configSet', value: { key, value: votes } }
        : { kind: 'configUnset', value: { key } }
    await appended(this.#agent, command, signal, trail)
    return { schemaVersion: SCHEMA_VERSION, node }
  }

  async #drain({
    parameters,
    body: { drained, reason },
    caller: { name: by },
    signal,
    trail,
  }: Request<'drain'>): Promise<RouteResponse<'drain'>> {
    const { id, name } = this.#others.find(parameters.node)
    const command: SimpleCommand = drained
      ? { kind: 'nodeDrain', value: { node: id, by, reason } }
      : { kind: 'nodeUndrain', value: { node: id } }
    const { code } = await appended(this.#agent, command, signal, trail)
    if (code === 'notFound') {
      throw new ApiRefusal('conflict', `${name} is not drained`, 'skein nodes ls shows which are')
    }
    return { schemaVersion: SCHEMA_VERSION, node: this.#others.find(id) }
  }

  async #moduleList(reference: string, signal: AbortSignal): Promise<ModuleList> {
    const node = this.#others.find(reference)
    if (!node.self) {
      return this.#others.ask(node, 'modules', OF_ITSELF, signal)
    }
    return this.#ownModules()
  }

  async #turnModule(
    it: Request<'startModule' | 'stopModule'>,
    route: 'startModule' | 'stopModule',
  ): Promise<ModuleList> {
    const node = this.#others.find(it.parameters.node)
    if (!node.self) return this.#others.passOn(node, route, it)
    const outcome = await this.#agent.modules[route === 'startModule' ? 'start' : 'stop'](
      it.parameters.module,
    )
    if (outcome.ok) return this.#ownModules()
    const code: ApiCode = outcome.code === 'unknown' ? 'notFound' : 'conflict'
    throw new ApiRefusal(code, outcome.why, 'skein modules ls shows the parts and their states')
  }

  #ownModules(): ModuleList {
    const { name } = this.#agent.settings
    return { schemaVersion: SCHEMA_VERSION, node: name, modules: modulesOf(this.#agent) }
  }
}
