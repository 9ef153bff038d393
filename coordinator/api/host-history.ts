/** What is asked and done about what hosts remember of their own attempts. Each host answers itself. */
import type { Agent } from '../../agent/agent.ts'
import type { PurgeFilter } from '../../agent/learning/own-history.ts'
import type { Kind } from '../../models/profiles/profiles.ts'
import { DiskError } from '../../protocol/ports/disk.ts'
import type { ApiRequest, Handlers, Request } from './dispatch.ts'
import { hostHistoryKindsMax } from './limits.ts'
import { ApiRefusal } from './refusal.ts'
import type { RouteResponse } from './routes.ts'
import { type Node, SCHEMA_VERSION } from './schemas.ts'

type HistoryRoute = 'hostHistory' | 'purgeHistory'

export interface HostHistoryParts {
  readonly agent: Agent
  find(reference: string): Node
  /** Of another node, by itself. */
  ask(
    node: Node,
    query: Request<'hostHistory'>['query'],
    signal: AbortSignal,
  ): Promise<RouteResponse<'hostHistory'>>
  /** To the node that is meant, as it was signed. */
  passOn(node: Node, request: Request<'purgeHistory'>): Promise<RouteResponse<'purgeHistory'>>
}

export function hostHistoryHandlers(parts: HostHistoryParts): Pick<Handlers, HistoryRoute> {
  const { agent } = parts
  return {
    hostHistory: ({ parameters, query, signal, forwarded, call }) => {
      if (forwarded) refuseToOthers(agent, call)
      const node = parts.find(parameters.node)
      return node.self ? ownHistoryOf(agent, query.task) : parts.ask(node, query, signal)
    },
    purgeHistory: (it) => {
      const node = parts.find(it.parameters.node)
      return node.self ? purge(agent, it.body) : parts.passOn(node, it)
    },
  }
}

/**
 * No person has signed in here for it: it is the other agent's word alone. Names of workflows and what
 * they took are told to those that `learning/ranges` tells them to.
 */
function refuseToOthers({ peers, settings }: Agent, { forwardedBy }: ApiRequest): void {
  if (forwardedBy !== undefined && peers.isCoordinator(forwardedBy)) return
  const why = `${settings.name} tells only coordinators what it remembers, and an agent that is none asks for it`
  throw new ApiRefusal('refused', why, 'ask a coordinator, or the host itself, with --address')
}

function ownHistoryOf(
  { learning: { history }, settings }: Agent,
  part: string | undefined,
): RouteResponse<'hostHistory'> {
  const kinds = history.kinds().filter(({ task }) => part === undefined || isMeant(task, part))
  return {
    schemaVersion: SCHEMA_VERSION,
    node: settings.name,
    attempts: history.size,
    lost: history.lost,
    kinds: kinds.slice(0, hostHistoryKindsMax).map(kindDocument),
    more: Math.max(0, kinds.length - hostHistoryKindsMax),
  }
}

function isMeant(task: string, part: string): boolean {
  return task.startsWith(part) || task.split('/').includes(part)
}

function kindDocument({ group, task, oldestMs, newestMs, told }: Kind) {
  return { task, workflow: group, oldestMs, newestMs, ...told }
}

async function purge(
  { learning: { history }, settings }: Agent,
  { beforeMs, task }: Request<'purgeHistory'>['body'],
): Promise<RouteResponse<'purgeHistory'>> {
  const filter: PurgeFilter = {
    ...(beforeMs === undefined ? {} : { beforeMs }),
    ...(task === undefined ? {} : { task }),
  }
  try {
    const purged = await history.purge(filter)
    return { schemaVersion: SCHEMA_VERSION, node: settings.name, purged, left: history.size }
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    const why = `the disk of ${settings.name} does not let go of it: ${error.message}`
    throw new ApiRefusal('conflict', why, 'look at its disk, and purge again')
  }
}
