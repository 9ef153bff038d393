/** Taking back the key of a host: what the ledger is to keep of it, and what must hold before. */
import type { Agent } from '../../agent/agent.ts'
import { grantIn } from '../../protocol/identity/certificate.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { parsePeerId } from '../../protocol/identity/peer-id.ts'
import { revocationWord } from '../../protocol/identity/revocation.ts'
import { recordRevocation } from '../people/register.ts'
import { isWrittenDown, keysInUse } from '../secrets/key-rows.ts'
import { appended } from './appending.ts'
import type { Handlers, Request } from './dispatch.ts'
import { ApiRefusal } from './refusal.ts'
import type { RouteResponse } from './routes.ts'
import { SCHEMA_VERSION } from './schemas.ts'

/** Long enough for an election, after which what was proposed is decided or gone. */
const SEEN_TIMEOUT_MS = 8_000
const SEEN_LOOK_MS = 50

export function revokeHandlers(agent: Agent): Pick<Handlers, 'revokeNode'> {
  return { revokeNode: (it) => revokeNode(agent, it) }
}

async function revokeNode(
  agent: Agent,
  { parameters, body, call, signal, trail }: Request<'revokeNode'>,
): Promise<RouteResponse<'revokeNode'>> {
  const key = parsePeerId(parameters.node)
  if (key === undefined) {
    const why = `${parameters.node.slice(0, 128)} is not the whole id of a node`
    throw new ApiRefusal('badRequest', why, 'take the id that skein nodes show NODE prints')
  }
  const { keyOf } = agent.settings
  const id = agent.membership.members().find((member) => keyOf(member.id) === key)?.id ?? key
  const name = agent.membership.nameOf(id)
  if (agent.revocations.find(key) !== undefined) {
    throw new ApiRefusal('conflict', `${name} is revoked already`, 'see skein nodes show')
  }
  refuseIssuer(agent, key)
  refuseWithoutMajority(agent, id)
  const word = trail?.proof && revocationWord(trail.proof, call)
  if (word === undefined) {
    const fix = 'sign in with a key of this mesh, and ask again'
    throw new ApiRefusal('refused', 'that is signed in no way that others could check', fix)
  }
  // The key is what was signed for.
  if (trail !== undefined) trail.note = { ...trail.note, object: `${name}, ${parameters.node}` }
  const hadSecretsKey = couldOpenSecrets(agent, id)
  try {
    await appended(agent, recordRevocation(key, body.reason, word), signal, trail)
  } catch (error) {
    // Whoever leads may be the one that is revoked: it is left before it can answer.
    const isUnsure = error instanceof ApiRefusal && error.code === 'unreachable'
    if (!isUnsure || !(await isSeen(agent, key, signal))) throw error
    if (trail !== undefined) trail.written = true
  }
  return { schemaVersion: SCHEMA_VERSION, id, name, hadSecretsKey }
}

function couldOpenSecrets({ ledger: { state } }: Agent, id: PeerId): boolean {
  return keysInUse(state).some((key) => isWrittenDown(state, key, id))
}

async function isSeen(agent: Agent, key: PeerId, signal: AbortSignal): Promise<boolean> {
  const { clock } = agent.ports
  const deadlineMs = clock.now() + SEEN_TIMEOUT_MS
  while (agent.revocations.find(key) === undefined) {
    if (signal.aborted || clock.now() >= deadlineMs) return false
    await new Promise<void>((resolve) => clock.after(SEEN_LOOK_MS, resolve))
  }
  return true
}

/** All hosts that it has let in would be turned away, and by each other: nothing would be left. */
function refuseIssuer({ peers, membership }: Agent, key: PeerId): void {
  const { issuer } = peers.credential
  const issuers = [
    issuer && grantIn(issuer),
    ...membership.members().map(({ id }) => peers.issuerOf(id)),
  ]
  if (!issuers.some((known) => known?.subject === key)) return
  const why = 'that is no host but an issuing key, and all hosts hang on it'
  throw new ApiRefusal('conflict', why, 'name the host that is to go; skein nodes ls shows them')
}

/** Who votes is changed by the voters: without most of them the ledger would stand still for good. */
function refuseWithoutMajority(agent: Agent, id: PeerId): void {
  const voters = agent.ledger.config?.voters ?? []
  if (!voters.some((voter) => voter.id === id)) return
  const members = agent.membership.members()
  const isHere = (peer: PeerId): boolean =>
    members.some((member) => member.id === peer && (member.self || member.state === 'alive'))
  const left = voters.filter(
    (voter) => voter.id !== id && agent.revokedPeer(voter.id) === undefined && isHere(voter.id),
  ).length
  const needed = Math.floor(voters.length / 2) + 1
  if (left >= needed) return
  throw new ApiRefusal(
    'conflict',
    `it votes, and without it ${left} of ${voters.length} voters are here: ${needed} must agree on who votes in its place`,
    'bring other voters back, or add hosts until another votes in its place (skein nodes demote), then revoke it',
  )
}
