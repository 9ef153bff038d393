/** Which keys the mesh rests on, by what hosts have shown to the agent that is asked. */
import type { Agent } from '../../agent/agent.ts'
import { type Grant, grantIn } from '../../protocol/identity/certificate.ts'
import { compareNames } from '../../protocol/name-order.ts'
import type { Handlers } from './dispatch.ts'
import type { RouteResponse } from './routes.ts'
import { SCHEMA_VERSION } from './schemas.ts'

type Keys = RouteResponse<'keys'>

export function keyHandlers(agent: Agent): Pick<Handlers, 'keys'> {
  return { keys: () => keysOf(agent) }
}

function keysOf(agent: Agent): Keys {
  const { leaf, issuer } = agent.peers.credential
  const own = issuer && grantIn(issuer)
  const issuers = new Map<string, Keys['issuers'][number]>()
  const byRoot: string[] = []
  const unseen: string[] = []
  for (const { id, self, state } of agent.membership.members()) {
    if (state === 'left' || agent.revokedPeer(id) !== undefined) continue
    const name = agent.membership.nameOf(id)
    if (!self && agent.peers.holderOf(id) === undefined) unseen.push(name)
    else hang(self ? own : agent.peers.issuerOf(id), name)
  }
  function hang(by: Grant | undefined, name: string): void {
    if (by === undefined) return void byRoot.push(name)
    const known = issuers.get(by.serial) ?? keyOf(agent, by)
    known.hosts.push(name)
    issuers.set(by.serial, known)
  }
  for (const names of [byRoot, unseen, ...[...issuers.values()].map(({ hosts }) => hosts)]) {
    names.sort(compareNames)
  }
  const { swarmFingerprint: swarm } = agent.settings
  return {
    schemaVersion: SCHEMA_VERSION,
    mesh: agent.trust.mesh,
    root: (issuer ?? leaf).issuer,
    issuers: [...issuers.values()].sort((a, b) => a.sinceMs - b.sinceMs),
    byRoot,
    unseen,
    ...(swarm === undefined ? {} : { swarm }),
  }
}

function keyOf(agent: Agent, issuer: Grant): Keys['issuers'][number] {
  const { serial, subject: id, notBeforeMs: sinceMs, notAfterMs: untilMs } = issuer
  const { isRevoked } = agent.trust
  return { serial, id, sinceMs, untilMs, revoked: isRevoked(serial) || isRevoked(id), hosts: [] }
}
