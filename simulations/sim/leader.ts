/** Whoever leads a mesh that agrees on it. */
import type { Agent } from '../../agent/agent.ts'
import type { Host } from '../world/host.ts'
import type { SimulatedMesh } from './mesh.ts'

export interface Leader {
  readonly host: Host
  readonly agent: Agent
  readonly term: number
}

/** Whom all the others follow, in a term that all are in. Undefined while anybody does not. */
export function soleLeader(mesh: SimulatedMesh): Leader | undefined {
  const agents = mesh.reachable
  if (agents.length < mesh.nodes.length) return undefined
  const leading = agents.filter(({ agent }) => agent.ledger.leads)
  const [leader] = leading
  const term = leader?.agent.ledger.status()?.term
  if (!leader || leading.length > 1 || term === undefined) return undefined
  const follow = agents.every(({ agent }) => {
    const status = agent.ledger.status()
    return status?.leader === leader.host.id && status.term === term
  })
  return follow ? { ...leader, term } : undefined
}

/** Whether somebody has come to lead after that one, and everything in its log is committed. */
export function isFollowed(mesh: SimulatedMesh, { term }: Leader): boolean {
  return mesh.reachable.some(({ agent }) => {
    const status = agent.ledger.leads ? agent.ledger.status() : undefined
    return status !== undefined && status.term > term && status.commit === status.lastIndex
  })
}
