/**
 * Everything that is looked after, judged: what is not well, why, and what a person can do. One
 * check is one line of `skein health`.
 */

import type { Agent } from '../../agent/agent.ts'
import type { StopScope } from '../../protocol/estop/scope.ts'
import { stopText } from '../../protocol/estop/text.ts'
import type { StopReason } from '../../protocol/ledger/ledger.ts'
import type { WarningKind } from '../../protocol/membership/warnings.ts'
import {
  certificateCheck,
  issuingChecks,
  lettingInChecks,
  secretsKeyChecks,
  swarmKeyChecks,
} from './key-health.ts'
import { ledgerStatusOf } from './ledger-view.ts'
import { modulesOf, nodesOf } from './queries.ts'
import type { Health, HealthCheck, Node } from './schemas.ts'
import { SCHEMA_VERSION } from './schemas.ts'

/** A dead node is a failure to look at for this long; then it is history. */
const DEAD_IS_NEWS_MS = 24 * 3_600_000
const DISK_LOW_SHARE = 0.1
const DISK_EMPTY_SHARE = 0.03
const MEMORY_LOW_SHARE = 0.05
const LOOP_LAG_HIGH_MS = 100

const order = { ok: 0, degraded: 1, failed: 2 } as const

export function healthOf(agent: Agent): Health {
  const nodes = nodesOf(agent)
  const checks = [
    ...stopChecks(agent),
    ...revokedChecks(agent),
    meshCheck(nodes, agent),
    ledgerCheck(agent),
    ...lettingInChecks(agent),
    ...issuingChecks(agent),
    ...swarmKeyChecks(agent),
    ...secretsKeyChecks(agent),
    ...nodes.map(nodeCheck),
    ...ownChecks(agent),
    ...loadChecks(nodes),
  ]
  const worst = checks.reduce<Health['state']>(
    (state, check) => (order[check.state] > order[state] ? check.state : state),
    'ok',
  )
  return { schemaVersion: SCHEMA_VERSION, state: worst, checks }
}

/** One that is in force is never well, however much it was meant. */
function stopChecks({ estop, ports }: Agent): HealthCheck[] {
  return estop.core.latch.inForce().map(({ saying }) => ({
    check: 'emergency stop',
    state: 'failed',
    ageMs: Math.max(0, ports.clock.wall() - saying.issuedMs),
    cause: stopText(saying),
    remedy: `when it is safe: skein resume${scopeFlags(saying.scope)} --reason TEXT`,
  }))
}

/** Of this host: why it is alone. */
function revokedChecks(agent: Agent): HealthCheck[] {
  const own = agent.revokedPeer(agent.id)
  const revoked = own ?? agent.revokedIssuer()
  if (revoked === undefined) return []
  const { by, reason, atMs } = revoked
  const words = `${by === '' ? '' : ` by ${by}`}${reason === '' ? '' : `: ${reason}`}`
  const what = own === undefined ? 'the issuing key behind its certificate' : 'it'
  return [
    {
      check: 'this host',
      state: 'failed',
      ageMs: Math.max(0, agent.ports.clock.wall() - atMs),
      cause: `${what} was revoked${words}; all others turn it away`,
      remedy:
        own === undefined
          ? 'skein agent join with a new token and the configuration of now; then start it again'
          : 'if it is to be of the mesh again: join anew, with an empty data directory',
    },
  ]
}

function scopeFlags(scope: StopScope): string {
  if (scope.kind === 'mesh') return ''
  return scope.kind === 'run' ? ` --run ${scope.run}` : ` --label ${scope.key}=${scope.value}`
}

/** What this agent alone answers for. */
function ownChecks(agent: Agent): HealthCheck[] {
  const modules = modulesOf(agent).map((module): HealthCheck => {
    const check = `module ${module.name}`
    const ageMs = module.stateAgeMs
    if (module.state === 'ready') return { check, state: 'ok', ageMs }
    const state = module.state === 'failed' ? 'failed' : 'degraded'
    const cause = `${module.state}${module.why === undefined ? '' : `: ${module.why}`}`
    return { check, state, ageMs, cause, remedy: `skein modules start ${module.name}` }
  })
  return [...modules, lagCheck(agent), ...isolationWarnings(agent), certificateCheck(agent)]
}

/** What stages could be held to here, and are not: well for all that, and told. */
function isolationWarnings({ ports, settings }: Agent): HealthCheck[] {
  return ports.cells.rules().flatMap(({ isWarning, missing }) => {
    if (isWarning !== true || missing === undefined) return []
    const check = `stages on ${settings.name}`
    const remedy = 'name a user without rights in the agent’s configuration'
    return [{ check, state: 'ok' as const, ageMs: 0, cause: missing, remedy }]
  })
}

function meshCheck(nodes: readonly Node[], agent: Agent): HealthCheck {
  const others = nodes.filter((node) => !node.self && node.state === 'alive').length
  if (others > 0 || agent.settings.bootstrap.length === 0) {
    return { check: 'mesh', state: 'ok', ageMs: 0 }
  }
  return {
    check: 'mesh',
    state: 'failed',
    ageMs: 0,
    cause: 'this agent sees no other, although it was told where to look',
    remedy:
      'check the network, the bootstrap addresses and that the swarm key is the mesh’s: if it was rotated meanwhile, skein agent join with a new token brings it',
  }
}

function ledgerCheck(agent: Agent): HealthCheck {
  const check = 'ledger'
  const status = ledgerStatusOf(agent)
  const failed = (cause: string, remedy: string): HealthCheck => {
    return { check, state: 'failed', ageMs: 0, cause, remedy }
  }
  if (!status) return failed(...stoppedWords(agent.ledger.stopped))
  const { reachable, needed, voters, diverged } = status
  if (diverged.length > 0) {
    const cause = `${diverged.join(' and ')} hold different states at the same entry`
    return failed(cause, 'stop the agents named, keep their data, and report it: this is a bug')
  }
  if (status.leader === undefined) {
    const cause =
      voters.length === 0
        ? 'this agent knows of no voter yet'
        : `no leader: ${reachable} of ${voters.length} voters are here, ${needed} are needed`
    return failed(
      cause,
      'start the agents of the missing voters, nothing is lost meanwhile; if they are gone for good: skein recover --plan',
    )
  }
  if (reachable === needed && voters.length > 1) {
    const cause = `one more voter lost and nothing can be decided: ${reachable} of ${voters.length} are here`
    return { check, state: 'degraded', ageMs: 0, cause, remedy: 'bring the missing ones back' }
  }
  if (status.damage.length > 0) {
    const cause = `its disk had lost some of the ledger (${status.damage.join(', ')}) when it was opened; the others give it back`
    return { check, state: 'ok', ageMs: 0, cause, remedy: 'look after the disk of this host' }
  }
  return { check, state: 'ok', ageMs: 0 }
}

/** Cause and remedy. */
function stoppedWords(because: StopReason | undefined): [string, string] {
  if (!because) return ['the ledger is stopped on this agent', 'skein modules start ledger']
  switch (because.kind) {
    case 'diverged':
      return [
        `its copy of the ledger differs from the others’ at entry ${because.index}`,
        'keep its data and report it, for this is a bug; then stop the agent, let it forget its copy with skein recover --reset, and start it',
      ]
    case 'eraPassed':
      return [
        'the mesh was recovered without this host, and its copy of the ledger is void',
        'skein modules start ledger, which begins with a new copy',
      ]
    case 'ledgerVersionUnsupported':
      return [
        `the ledger is in version ${because.needs}, and this agent reads up to ${because.supports}`,
        'install the version of Skein that the other hosts run',
      ]
    default:
      return [
        `the disk failed: ${because.message}`,
        'mend the disk or free some of it, then skein modules start ledger',
      ]
  }
}

function nodeCheck(node: Node): HealthCheck {
  const check = `node ${node.name}`
  const ageMs = node.stateAgeMs
  // It is meant to be gone.
  if (node.revoked !== undefined && !node.self) return { check, state: 'ok', ageMs }
  if (node.state === 'suspect') {
    return {
      check,
      state: 'degraded',
      ageMs,
      cause: 'it does not answer; it will be called dead unless it does',
      remedy: 'nothing yet',
    }
  }
  if (node.state === 'dead' && ageMs < DEAD_IS_NEWS_MS) {
    return {
      check,
      state: 'failed',
      ageMs,
      cause: 'it is dead: no answer to anybody',
      remedy: 'start its agent again (skein agent run), or look after its host and its network',
    }
  }
  return { check, state: 'ok', ageMs }
}

function loadChecks(nodes: readonly Node[]): HealthCheck[] {
  const checks: HealthCheck[] = []
  for (const { name, load, state } of nodes) {
    if (!load || load.stale || state !== 'alive') continue
    const { ageMs } = load
    const diskFree = load.diskTotalBytes > 0 ? load.diskAvailableBytes / load.diskTotalBytes : 1
    if (diskFree < DISK_LOW_SHARE) {
      checks.push({
        check: `disk of ${name}`,
        state: diskFree < DISK_EMPTY_SHARE ? 'failed' : 'degraded',
        ageMs,
        cause: `${Math.round(diskFree * 100)}% is left where the agent keeps its data`,
        remedy: 'free some space: a full disk stops the agent from keeping what it must',
      })
    }
    for (const kind of load.warnings ?? []) {
      const { state, cause } = warned[kind]
      const remedy = `skein nodes show ${name} tells how soon, and how sure that is`
      checks.push({ check: `forecast of ${name}`, state, ageMs, cause, remedy })
    }
    const memoryFree = 1 - load.memoryUsedBytes / Math.max(1, load.memoryTotalBytes)
    if (memoryFree < MEMORY_LOW_SHARE) {
      checks.push({
        check: `memory of ${name}`,
        state: 'degraded',
        ageMs,
        cause: `${Math.round(memoryFree * 100)}% is left`,
        remedy: 'stop what uses it, or give the host more',
      })
    }
  }
  return checks
}

/** What is unusual is told, and need not be wrong. */
const warned: Readonly<
  Record<WarningKind, { state: Exclude<HealthCheck['state'], 'failed'>; cause: string }>
> = {
  diskFull: { state: 'degraded', cause: 'its disk will be full if things go on as they do' },
  memoryFull: { state: 'degraded', cause: 'its memory will be full if things go on as they do' },
  agentGrows: { state: 'degraded', cause: 'its agent takes more and more memory' },
  unusualCpu: { state: 'ok', cause: 'it is busier than it is at this hour with such work' },
  unusualMemory: { state: 'ok', cause: 'it takes more memory than at this hour with such work' },
}

function lagCheck(agent: Agent): HealthCheck {
  const check = 'event loop'
  const lagMs = agent.ports.loopLagMs()
  if (lagMs < LOOP_LAG_HIGH_MS) return { check, state: 'ok', ageMs: 0 }
  return {
    check,
    state: 'degraded',
    ageMs: 0,
    cause: `this agent is late by ${Math.round(lagMs)} ms: it gets too little CPU`,
    remedy: 'look at what else runs on its host (skein top)',
  }
}

/** For service managers: is the agent itself well, and does it take part in the mesh. */
export function standingOf(agent: Agent, of: 'self' | 'mesh'): { ok: boolean; why?: string } {
  const checks = of === 'mesh' ? [meshCheck(nodesOf(agent), agent)] : ownChecks(agent)
  const failed = checks.find(({ state }) => state === 'failed')
  return failed
    ? { ok: false, why: `${failed.check}: ${failed.cause ?? failed.state}` }
    : { ok: true }
}
