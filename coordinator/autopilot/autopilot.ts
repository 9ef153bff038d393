/**
 * What a leader does for the mesh without being asked: it looks after who votes, one step at a time,
 * and keeps the ledger's house. It lasts as long as this host's turn at leading.
 */
import type { Agent } from '../../agent/agent.ts'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import type { RaftStatus } from '../../protocol/consensus/status.ts'
import { type Grant, grantIn } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Role } from '../../protocol/identity/roles.ts'
import type { Candidacy, Leadership } from '../../protocol/ledger/ledger.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerRecord } from '../../protocol/membership/digest.ts'
import type { AuditDesk } from '../audit/desk.ts'
import { byHost } from '../audit/module.ts'
import { type Around, Calm, VOTING_KEY } from './calm.ts'
import { keepHouse } from './housekeeping.ts'
import { autopilotLimits, calmMs, lookEveryMs } from './limits.ts'
import { type Candidate, nextStep } from './plan.ts'

export function autopilotModule(agent: Agent, audit: AuditDesk): ModuleSpec {
  let candidacy: Candidacy | undefined
  return {
    name: 'autopilot',
    priority: 4,
    needs: ['ledger'],
    start: () => {
      candidacy = agent.ledger.lead((leadership) => lead(agent, audit, leadership))
    },
    stop: () => candidacy?.withdraw(),
  }
}

function lead(agent: Agent, audit: AuditDesk, leadership: Leadership): void {
  const calm = new Calm(around(agent), autopilotLimits, calmMs)
  const timer = agent.ports.clock.every(lookEveryMs, () => look(agent, audit, calm))
  leadership.over.addEventListener('abort', () => timer.cancel(), { once: true })
  keepHouse(agent, leadership)
}

function around(agent: Agent): Around {
  return {
    self: agent.id,
    nowMs: () => agent.ports.clock.now(),
    others: () => agent.membership.others(),
    isRevoked: (peer) => agent.revokedPeer(peer) !== undefined,
    state: () => agent.ledger.state,
  }
}

function look(agent: Agent, audit: AuditDesk, calm: Calm): void {
  const { ledger } = agent
  if (calm.lasts(ledger.config)) return
  const status = ledger.status()
  if (!status || status.transferTo !== undefined) return
  const candidates = candidatesOf(agent, status)
  const step = nextStep(status.config, candidates, status.lastIndex, autopilotLimits)
  calm.looked(status, candidates, step === undefined)
  if (!step) return
  const log = agent.ports.log.child('autopilot')
  const changed = ledger.reconfigure(step.target, status.configIndex)
  if (changed?.ok) {
    log.info('changing who votes', { why: step.why })
    const before = new Set(status.config.voters.map(({ id }) => id))
    const { voters } = step.target
    if (voters.length === before.size && voters.every(({ id }) => before.has(id))) return
    const names = voters.map(({ id }) => agent.membership.nameOf(id)).sort()
    const decided = {
      verb: 'ledger.voters',
      object: `voters ${names.join(', ')}`,
      reason: step.why,
    }
    void audit.record({ ...byHost(agent), ...decided, outcome: 'begun' })
  }
  // Not caught up yet, or another change under way: the next look will see.
  else
    log.debug('who votes stays for now', { why: step.why, refused: changed?.reason ?? 'stopped' })
}

function candidatesOf(agent: Agent, { peers, lastIndex }: RaftStatus): Candidate[] {
  const { ledger } = agent
  const peerOf = new Map(peers.map((peer) => [peer.id, peer]))
  return agent.membership.members().map(
    ({ id, self, state, stateAgeMs, digest }): Candidate => ({
      id,
      state,
      stateAgeMs: self ? Number.POSITIVE_INFINITY : stateAgeMs,
      storage: self ? ledger.storage : storageOf(digest.ledger),
      silentMs: self ? 0 : (peerOf.get(id)?.heardMsAgo ?? 0),
      barred: isBarred(agent, id),
      revoked: agent.revokedPeer(id) !== undefined,
      coordinator: rolesOf(agent, id)?.includes('coordinator'),
      match: self ? lastIndex : (peerOf.get(id)?.match ?? 0),
    }),
  )
}

function rolesOf({ id: self, peers }: Agent, id: PeerId): readonly Role[] | undefined {
  return (id === self ? ownGrant(peers.credential) : peers.holderOf(id))?.roles
}

/** Read once: it is looked at every second, and seldom another. */
const ownGrants = new WeakMap<Credential, Grant | undefined>()

function ownGrant(credential: Credential): Grant | undefined {
  if (!ownGrants.has(credential)) ownGrants.set(credential, grantIn(credential.leaf))
  return ownGrants.get(credential)
}

/** Of a ledger that runs: one that has stopped has no disk to vote with. */
function storageOf(told: LedgerRecord | undefined): number | undefined {
  return told?.stopped ? undefined : told?.storage
}

function isBarred(agent: Agent, id: PeerId): boolean {
  const { value } = read(agent.ledger.state, { kind: 'configGet', key: `${VOTING_KEY}${id}` })
  return value?.value === 'never'
}
