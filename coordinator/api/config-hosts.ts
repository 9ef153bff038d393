/** How far each host goes by the mesh's configuration: asked of each, and told in one voice. */
import type { Agent } from '../../agent/agent.ts'
import type { ConfigDesk } from '../config/desk.ts'
import type { Version } from '../config/rows.ts'
import type { HostConfig, NodeConfig } from './config-routes.ts'
import { OF_ITSELF, type OtherNodes } from './other-nodes.ts'
import { nodesOf } from './queries.ts'
import { ApiRefusal } from './refusal.ts'
import { type Node, SCHEMA_VERSION } from './schemas.ts'

export interface ConfigParts {
  readonly agent: Agent
  readonly desk: ConfigDesk
  readonly others: OtherNodes
}

/** Answers when that version is in force here, or after a short while. */
export async function ownConfig(
  { agent, desk }: ConfigParts,
  version: number,
  waitMs: number,
  signal: AbortSignal,
): Promise<NodeConfig> {
  await desk.reached(version, waitMs, signal)
  const { keys, left, unkept, version: taken } = desk.standing()
  return {
    schemaVersion: SCHEMA_VERSION,
    node: agent.settings.name,
    version: taken,
    keys: [...keys],
    left: [...left],
    ...(unkept === undefined ? {} : { unkept }),
  }
}

/** Of each host that has not left; all at once, and none is waited for longer than `waitMs` and its way. */
export function hostsOn(
  parts: ConfigParts,
  version: Version | undefined,
  waitMs: number,
  signal: AbortSignal,
): Promise<HostConfig[]> {
  const nodes = nodesOf(parts.agent).filter(({ state }) => state !== 'left')
  return Promise.all(nodes.map((node) => hostOn(parts, node, version, waitMs, signal)))
}

async function hostOn(
  parts: ConfigParts,
  node: Node,
  version: Version | undefined,
  waitMs: number,
  signal: AbortSignal,
): Promise<HostConfig> {
  const { id, name } = node
  const host = { id, name, waiting: [], own: [], left: [] }
  if (node.state === 'dead') {
    return { ...host, state: 'away', why: 'it is dead, and takes it when it comes back' }
  }
  try {
    const wanted = waitMs > 0 ? (version?.number ?? 0) : 0
    const told = node.self
      ? await ownConfig(parts, wanted, waitMs, signal)
      : await parts.others.ask(
          node,
          'nodeConfig',
          { ...OF_ITSELF, query: { version: wanted } },
          signal,
        )
    return { ...host, ...standingOf(told, version) }
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error
    const why =
      error.code === 'notFound'
        ? 'its agent is too old to know of a configuration of the mesh: upgrade it'
        : error.why
    return { ...host, state: 'silent', why }
  }
}

function standingOf(
  { version: taken, keys, left, unkept }: NodeConfig,
  version: Version | undefined,
): Omit<HostConfig, 'id' | 'name'> {
  const { number, values } = version ?? { number: 0, values: {} as Version['values'] }
  const isLeft = new Set(left.map((each) => each.key))
  const own = keys.filter(
    ({ key, source, next }) =>
      Object.hasOwn(values, key) && !isLeft.has(key) && (next?.source ?? source) !== 'mesh',
  )
  const why = unkept === undefined ? undefined : `it is not on its disk: ${unkept}`
  return {
    state: taken === number ? 'inForce' : 'behind',
    version: taken,
    ...(why === undefined ? {} : { why }),
    waiting: keys.flatMap(({ key, value, next }) =>
      next === undefined ? [] : [{ key, value, next }],
    ),
    own: own.map(({ key, value, source, where }) => ({ key, value, source, where })),
    left: [...left],
  }
}
