/** What `skein health` says of certificates and of the key that makes them. */
import type { Agent } from '../../agent/agent.ts'
import { currentIssuer, issuerBehind } from '../joining/issuers.ts'
import { isIssuerKept } from '../joining/issuing-key.ts'
import { letInLimits } from '../joining/limits.ts'
import { endOf, leftWords } from '../joining/renewal.ts'
import { revokedHolders } from '../secrets/key-desk.ts'
import { meshKeyIn } from '../secrets/key-rows.ts'
import { secretLimits } from '../secrets/limits.ts'
import { hasMeshKey } from '../secrets/mesh-key.ts'
import { rowIn } from '../swarm/rows.ts'
import { keysOf } from './key-handlers.ts'
import type { HealthCheck } from './schemas.ts'

/** So long may the mesh take two swarm keys before it is a trouble. */
const rotationLongMs = 3_600_000

/** Whether hosts could still be let in, and certificates renewed, were any one host lost. */
export function lettingInChecks(agent: Agent): HealthCheck[] {
  const { config, leader } = agent.ledger.status() ?? {}
  if (config === undefined || leader === undefined) return []
  const check = 'letting in'
  const { state } = agent.ledger
  if (!isIssuerKept(state)) {
    const cause = 'no voter has the issuing key: nobody can be let in, and no certificate renewed'
    const remedy = 'start the agent of the first host, which has issuer.key in its data directory'
    return [{ check, state: 'degraded', ageMs: 0, cause, remedy }]
  }
  const able = config.voters.filter(({ id }) => hasMeshKey(state, id)).length
  // One more than can be lost; the others are given it as they come to vote.
  if (able >= Math.min(2, config.voters.length)) return [{ check, state: 'ok', ageMs: 0 }]
  const cause = `of ${config.voters.length} voters ${able} can open the issuing key`
  const remedy = 'nothing yet: whoever leads gives it to the others'
  return [{ check, state: 'degraded', ageMs: 0, cause, remedy }]
}

/** Of the key itself: a person must make another before it ends, and take back the one before. */
export function issuingChecks(agent: Agent): HealthCheck[] {
  return [endCheck(agent), ...retiringChecks(agent)]
}

function endCheck({ ledger, peers, ports }: Agent): HealthCheck {
  const check = 'issuing key'
  const key = currentIssuer(ledger.state) ?? issuerBehind(peers.credential)
  const leftMs = (key?.notAfterMs ?? Number.POSITIVE_INFINITY) - ports.clock.wall()
  if (leftMs > letInLimits.issuerWarnMs) return { check, state: 'ok', ageMs: 0 }
  const cause =
    leftMs <= 0
      ? 'it has ended: nobody can be let in, and no certificate is renewed'
      : `it ends in ${leftWords(leftMs)}, and the certificates of all hosts end with it`
  return {
    check,
    state: leftMs > letInLimits.issuerFailedMs ? 'degraded' : 'failed',
    ageMs: 0,
    cause,
    remedy: 'make another: skein keys rotate issuing, where the root key is',
  }
}

/** As long as one is believed that makes nothing any more: well for all that, and told. */
function retiringChecks(agent: Agent): HealthCheck[] {
  const { issuers, unseen } = keysOf(agent)
  return issuers.flatMap(({ id, retiring, hosts, people }) => {
    if (!retiring) return []
    const away = unseen.length === 0 ? '' : `, and ${unseen.length} that are away may`
    const cause = `the one before (…${id.slice(-8)}) is still believed: ${hosts.length} hosts and ${people.length} people hang on it${away}`
    const remedy = 'when nobody does (skein keys ls): skein keys rotate issuing --finish'
    return [{ check: 'issuing key', state: 'ok' as const, ageMs: 0, cause, remedy }]
  })
}

/** Without one the others turn this host away. */
export function certificateCheck({ peers, ports }: Agent): HealthCheck {
  const check = 'certificate'
  const leftMs = endOf(peers.credential) - ports.clock.wall()
  if (leftMs > letInLimits.warnMs) return { check, state: 'ok', ageMs: 0 }
  const cause =
    leftMs <= 0
      ? 'it has ended, and the others turn this host away'
      : `it ends in ${leftWords(leftMs)}, and nobody has renewed it`
  return {
    check,
    state: leftMs > letInLimits.failedMs ? 'degraded' : 'failed',
    ageMs: 0,
    cause,
    remedy:
      leftMs <= 0
        ? 'join anew: skein agent join with a new token, and the configuration of now'
        : 'see that this host reaches the leader, and that letting in (skein health there) is well',
  }
}

/** A rotation that nobody ends leaves the old key good, which somebody may have stolen. */
export function swarmKeyChecks({ ledger, ports }: Agent): HealthCheck[] {
  const row = rowIn(ledger.state)
  if (row === undefined || row.step === 'alone') return []
  const ageMs = Math.max(0, ports.clock.wall() - row.madeMs)
  const cause = 'the mesh goes over to another swarm key, and the old one is still taken'
  const remedy =
    'skein keys ls shows who is waited for; skein keys rotate swarm --finish waits no longer'
  const state = ageMs < rotationLongMs ? 'ok' : 'degraded'
  return [{ check: 'swarm key', state, ageMs, cause, remedy }]
}

/** As long as the key before is not forgotten, whoever has it reads what is not sealed anew yet. */
export function secretsKeyChecks(agent: Agent): HealthCheck[] {
  const row = meshKeyIn(agent.ledger.state)
  if (row === undefined) return []
  const check = 'key of secrets'
  const remedy =
    'whoever leads sees to it while most voters answer: skein keys ls shows how far it is, skein health who is missing'
  if (row.was !== undefined) {
    const ageMs = Math.max(0, agent.ports.clock.wall() - row.madeMs)
    const cause = 'what stands under the key of secrets before is being sealed under another'
    const state = ageMs < secretLimits.rotationLongMs ? 'ok' : 'degraded'
    return [{ check, state, ageMs, cause, remedy }]
  }
  const lost = revokedHolders(agent, row.id).map((peer) => agent.membership.nameOf(peer))
  if (lost.length === 0) return [{ check, state: 'ok', ageMs: 0 }]
  const cause = `hosts that were revoked had the key of secrets, and no other is in its place yet: ${lost.join(', ')}`
  return [{ check, state: 'degraded', ageMs: 0, cause, remedy }]
}
