/** Which keys the mesh rests on, and who hangs on each: hosts by what they have shown to this agent. */
import type { Agent } from '../../agent/agent.ts'
import type { Grant } from '../../protocol/identity/certificate.ts'
import { meshFingerprint } from '../../protocol/identity/swarm-key.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { compareNames } from '../../protocol/name-order.ts'
import { currentIssuer, isRetiring, issuerBehind, retiringIssuers } from '../joining/issuers.ts'
import { people } from '../people/register.ts'
import { freshState } from '../runs/fresh.ts'
import type { SwarmDesk } from '../swarm/desk.ts'
import type { Handlers } from './dispatch.ts'
import type { RouteResponse } from './routes.ts'
import { SCHEMA_VERSION } from './schemas.ts'
import { secretKeyHandlers, secretsKeyOf } from './secret-key-handlers.ts'
import { rotationOf, swarmKeyHandlers } from './swarm-key-handlers.ts'

/** For those who were not met yet; an answer that takes long is worth less than one that names them. */
const MEETING_MS = 1_000
const metAtOnceMax = 64

export type Keys = RouteResponse<'keys'>

type KeyRoute =
  | 'keys'
  | keyof ReturnType<typeof swarmKeyHandlers>
  | keyof ReturnType<typeof secretKeyHandlers>

export function keyHandlers(agent: Agent, swarm: SwarmDesk): Pick<Handlers, KeyRoute> {
  const keys: Handlers['keys'] = async ({ signal }) => {
    await Promise.all([freshState(agent, signal), meetUnseen(agent, signal)])
    const rotation = await rotationOf(agent, swarm)
    const fingerprint = meshFingerprint(swarm.hold.dialled)
    const secrets = secretsKeyOf(agent)
    return {
      ...keysOf(agent),
      swarm: fingerprint,
      ...(rotation === undefined ? {} : { rotation }),
      ...(secrets === undefined ? {} : { secrets }),
    }
  }
  return { keys, ...swarmKeyHandlers(agent, swarm), ...secretKeyHandlers(agent) }
}

/** Who lives and was not met yet is met, as many as there is time for: then it is known on what it hangs. */
export async function meetUnseen(
  { membership, peers, ports }: Agent,
  signal: AbortSignal,
): Promise<void> {
  const unseen = membership
    .members()
    .filter(({ id, self, state }) => !self && state === 'alive' && peers.holderOf(id) === undefined)
  if (unseen.length === 0) return
  const asked = unseen.slice(0, metAtOnceMax).map(({ id }) => peers.meet(id))
  await new Promise<void>((resolve) => {
    const timer = ports.clock.after(MEETING_MS, resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
    void Promise.allSettled(asked).then(() => {
      timer.cancel()
      resolve()
    })
  })
}

export function keysOf(agent: Agent): Keys {
  const { leaf, issuer } = agent.peers.credential
  const { state, leader } = agent.ledger
  const issuers = new Map<string, Keys['issuers'][number]>()
  const known = (grant: Grant) => {
    const key = issuers.get(grant.serial) ?? keyOf(agent, grant)
    issuers.set(grant.serial, key)
    return key
  }
  for (const grant of listed(state)) known(grant)
  const { hanging, byRoot, unseen } = hostsOf(agent)
  for (const [name, grant] of hanging) known(grant).hosts.push(name)
  for (const [name, grant] of peopleOf(agent)) known(grant).people.push(name)
  for (const { hosts, people: names } of issuers.values()) {
    hosts.sort(compareNames)
    names.sort(compareNames)
  }
  return {
    schemaVersion: SCHEMA_VERSION,
    mesh: agent.trust.mesh,
    root: (issuer ?? leaf).issuer,
    ...(leader === undefined ? {} : { leader }),
    issuers: [...issuers.values()].sort((a, b) => a.sinceMs - b.sinceMs),
    byRoot: byRoot.sort(compareNames),
    unseen: unseen.sort(compareNames),
  }
}

/** Those of which the ledger knows, also where nobody hangs on them. */
function listed(state: LedgerState): Grant[] {
  const current = currentIssuer(state)
  const retiring = [...retiringIssuers(state)].map(({ grant }) => grant)
  return current === undefined ? retiring : [...retiring, current]
}

interface Hosts {
  hanging: [name: string, issuer: Grant][]
  byRoot: string[]
  unseen: string[]
}

function hostsOf(agent: Agent): Hosts {
  const { peers, membership } = agent
  const found: Hosts = { hanging: [], byRoot: [], unseen: [] }
  for (const { id, self, state } of membership.members()) {
    if (state === 'left' || agent.revokedPeer(id) !== undefined) continue
    const name = membership.nameOf(id)
    const issuer = self ? issuerBehind(peers.credential) : peers.issuerOf(id)
    if (issuer !== undefined) found.hanging.push([name, issuer])
    else if (!self && peers.holderOf(id) === undefined) found.unseen.push(name)
    else found.byRoot.push(name)
  }
  return found
}

/** Whose certificates are good, as far as the ledger knows people. */
function peopleOf({ ledger, ports }: Agent): [name: string, issuer: Grant][] {
  const nowMs = ports.clock.wall()
  return [...people(ledger.state)].flatMap(({ holder, credential, isRevoked }) => {
    const issuer = issuerBehind(credential)
    const isGood = !isRevoked && nowMs < holder.notAfterMs
    return issuer !== undefined && isGood ? [[holder.name, issuer]] : []
  })
}

function keyOf({ trust, ledger }: Agent, issuer: Grant): Keys['issuers'][number] {
  const { serial, subject: id, notBeforeMs: sinceMs, notAfterMs: untilMs } = issuer
  const revoked = trust.isRevoked(serial) || trust.isRevoked(id)
  const retiring = isRetiring(ledger.state, serial)
  return { serial, id, sinceMs, untilMs, revoked, retiring, hosts: [], people: [] }
}
