/**
 * What an agent knows, in the words of the API. Reading only: nothing here waits or changes
 * anything.
 */

import type { Agent } from '../../agent/agent.ts'
import { type MemberView, nameOf } from '../../agent/membership/view.ts'
import type { ModuleStatus } from '../../agent/modules/module.ts'
import { AGENT_VERSION } from '../../agent/version.ts'
import { stopText } from '../../protocol/estop/text.ts'
import { grantIn } from '../../protocol/identity/certificate.ts'
import { read } from '../../protocol/ledger/read.ts'
import { warningsIn } from '../../protocol/membership/warnings.ts'
import { compareNames } from '../../protocol/name-order.ts'
import { WIRE_VERSION } from '../../protocol/wire/versions.ts'
import { endOf } from '../joining/renewal.ts'
import type { SignedDoor } from './door.ts'
import { ledgerStatusOf, nodeLedgerOf } from './ledger-view.ts'
import type { Load, Module, Node, NodeDetail, Status } from './schemas.ts'
import { SCHEMA_VERSION } from './schemas.ts'

/** Figures older than this many of their owner's reporting intervals are stale. */
const STALE_AFTER_INTERVALS = 3

export function nodeOf(view: MemberView): Node {
  const { profile, digest } = view
  const load = loadOf(view)
  const ledger = nodeLedgerOf(view)
  return {
    id: view.id,
    name: nameOf(view),
    self: view.self,
    state: view.state,
    stateAgeMs: Math.round(view.stateAgeMs),
    heardAgeMs: Math.round(view.heardAgeMs),
    incarnation: view.incarnation,
    version: digest.agentVersion,
    wireVersion: digest.wireVersion,
    platform: profile?.platform ?? 'unknown',
    addresses: [...(profile?.addresses ?? [])],
    labels: { ...profile?.labels },
    ...(view.roundTripMs === undefined ? {} : { roundTripMs: view.roundTripMs }),
    ...(load ? { load } : {}),
    ...(ledger ? { ledger } : {}),
  }
}

function loadOf(view: MemberView): Load | undefined {
  const { digest } = view
  const { load } = digest
  if (!load) return undefined
  const standing = view.state === 'alive' || view.state === 'suspect'
  return {
    ageMs: Math.round(view.digestAgeMs),
    stale: !standing || view.digestAgeMs > STALE_AFTER_INTERVALS * digest.intervalMs,
    cores: load.cores,
    memoryTotalBytes: load.memoryTotalBytes,
    memoryUsedBytes: load.memoryUsedBytes,
    diskTotalBytes: load.diskTotalBytes,
    diskAvailableBytes: load.diskAvailableBytes,
    receivedBytesPerSecond: load.receivedBytesPerSecond,
    sentBytesPerSecond: load.sentBytesPerSecond,
    agentResidentBytes: load.agentResidentBytes,
    loopLagMs: load.loopLagMicros / 1_000,
    localHealth: digest.localHealth,
    runningAttempts: digest.runningAttempts,
    ...(load.cpuPermille === undefined ? {} : { cpu: load.cpuPermille / 1_000 }),
    ...(load.swapUsedBytes === undefined ? {} : { swapUsedBytes: load.swapUsedBytes }),
    ...(load.load1Hundredths === undefined ? {} : { load1: load.load1Hundredths / 100 }),
    ...(load.temperatureDecicelsius === undefined
      ? {}
      : { temperatureCelsius: load.temperatureDecicelsius / 10 }),
    ...(load.agentCpuPermille === undefined ? {} : { agentCpu: load.agentCpuPermille / 1_000 }),
    ...(load.warnings === undefined ? {} : { warnings: warningsIn(load.warnings) }),
  }
}

/** This agent first, then by name. */
export function nodesOf(agent: Agent): Node[] {
  const nodes = agent.membership.members().map((view) => {
    const { drained } = read(agent.ledger.state, { kind: 'nodeGet', node: view.id }).value ?? {}
    const revoked = agent.revokedPeer(view.id)
    return {
      ...nodeOf(view),
      ...(drained === undefined ? {} : { drained }),
      ...(revoked === undefined ? {} : { revoked }),
    }
  })
  return nodes.sort((a, b) => compareNames(a.name, b.name))
}

export function modulesOf(agent: Agent): Module[] {
  return agent.modules.states().map((status: ModuleStatus) => ({
    name: status.name,
    priority: status.priority,
    needs: [...status.needs],
    state: status.state,
    stateAgeMs: Math.round(status.stateAgeMs),
    restarts: status.restarts,
    ...(status.why === undefined ? {} : { why: status.why }),
  }))
}

export function statusOf(agent: Agent): Status {
  const nodes = nodesOf(agent)
  const count = (state: Node['state']) => nodes.filter((node) => node.state === state).length
  const alive = count('alive')
  const suspect = count('suspect')
  const { network } = agent.ports
  const ledger = ledgerStatusOf(agent)
  return {
    schemaVersion: SCHEMA_VERSION,
    mesh: {
      name: agent.settings.mesh,
      size: alive + suspect,
      alive,
      suspect,
      dead: count('dead'),
      left: count('left'),
    },
    agent: {
      id: agent.id,
      name: agent.settings.name,
      version: AGENT_VERSION,
      wireVersion: WIRE_VERSION,
      incarnation: agent.membership.incarnation,
      uptimeMs: Math.round(agent.ports.clock.now() - agent.startedMs),
      addresses: network.addresses(),
      connections: network.connected().length,
      loopLagMs: agent.ports.loopLagMs(),
      localHealth: agent.membership.localHealth,
      ...network.traffic(),
      dataDirectory: agent.settings.dataDirectory,
    },
    ...(ledger ? { ledger } : {}),
    nodes,
    modules: modulesOf(agent),
    stops: agent.estop.core.latch.inForce().map(({ saying }) => stopText(saying)),
  }
}

/** The owner's part of `nodes show`. */
export function ownDetailOf(agent: Agent, minutes: number): NodeDetail {
  const reading = agent.sampler.newest()
  const { sample } = reading ?? {}
  const unjudged = agent.watch.unknown()
  return {
    schemaVersion: SCHEMA_VERSION,
    node: nodeOf(agent.membership.self()),
    ...(agent.facts ? { facts: agent.facts } : {}),
    ...(sample
      ? {
          sample: {
            ...sample,
            ...(sample.load ? { load: [...sample.load] } : {}),
          } as NodeDetail['sample'],
        }
      : {}),
    ...(reading ? { sampleAgeMs: Math.round(reading.ageMs) } : {}),
    history: agent.sampler.lastMinutes(minutes),
    modules: modulesOf(agent),
    refusals: refusalsOf(agent),
    ...certificateOf(agent),
    ...(agent.learning.speed.known === undefined ? {} : { speed: agent.learning.speed.known }),
    isolation: isolationOf(agent.ports),
    warnings: agent.watch.warnings(),
    ...(unjudged === undefined ? {} : { unjudged }),
  }
}

/** What stages are held to here, and what is done for them only where the host can. */
export function isolationOf({
  cells,
  secretFiles,
}: Agent['ports']): NonNullable<NodeDetail['isolation']> {
  const rules = [...cells.rules(), { name: 'secretFiles' as const, missing: secretFiles.missing }]
  return rules.map(({ name, missing }) => (missing === undefined ? { name } : { name, missing }))
}

function certificateOf({ peers }: Agent): Pick<NodeDetail, 'certificate'> {
  const grant = grantIn(peers.credential.leaf)
  if (grant === undefined) return {}
  const { serial, roles } = grant
  return { certificate: { serial, roles: [...roles], notAfterMs: endOf(peers.credential) } }
}

/** By peers and by those who ask the control API, each under its own reason. */
export function refusedBy(
  agent: Agent,
  door: Pick<SignedDoor, 'refusals'>,
): Record<string, number> {
  const atTheDoor = Object.entries(door.refusals()).map(([why, count]) => [`api ${why}`, count])
  return { ...refusalsOf(agent), ...Object.fromEntries(atTheDoor) }
}

export function refusalsOf(agent: Agent): Record<string, number> {
  const total: Record<string, number> = {}
  const parts = [
    agent.ports.network.refusals(),
    agent.membership.refusals(),
    agent.calls.refusals(),
    agent.ledger.refusals(),
    agent.work.refusals(),
    agent.estop.refusals(),
    agent.revocationSpread.refusals(),
    agent.doorway.refusals(),
    agent.artifacts.refusals(),
  ]
  for (const counts of parts) {
    for (const [reason, count] of Object.entries(counts)) {
      if (count > 0) total[reason] = (total[reason] ?? 0) + count
    }
  }
  return total
}
