/**
 * What a mesh has to come to once the storm is over, step by step, each within its time; and what is
 * said of one that does not: for each host, what it waits for.
 */
import type { SimulatedAgent, SimulatedMesh } from './mesh.ts'
import type { Failure } from './verdict.ts'

export interface Step {
  readonly limitMs: number
  begin(): void
  done(): boolean
  complaint(): Failure
}

/** What follows the storm is part of the time that was asked for, as far as it always takes that long. */
export function stormEndMs(minutes: number, afterMs: number): number {
  return minutes * 60_000 - afterMs
}

/** One step after the other, until one is not done in its time, or something else has failed. */
export async function goThrough(
  mesh: SimulatedMesh,
  steps: readonly Step[],
  failure: () => Failure | undefined,
  graceMs = 0,
): Promise<Failure | undefined> {
  for (const step of steps) {
    step.begin()
    const over = () => failure() !== undefined || step.done()
    const done = await mesh.world.runUntil(over, step.limitMs + graceMs)
    const failed = failure()
    if (failed) return failed
    if (!done) return step.complaint()
  }
  return undefined
}

export function stuck(mesh: SimulatedMesh, checker: string, what: string): Failure {
  const lines = mesh.nodes.map((node) => waitingFor(mesh, node))
  return { kind: 'liveness', checker, what, lines, atMs: mesh.world.nowMs }
}

function waitingFor(mesh: SimulatedMesh, { host, agent }: SimulatedAgent): string {
  const nameOf = (id: string) => mesh.world.hosts.find((one) => one.id === id)?.name ?? id
  const ledger = agent?.ledger
  const status = ledger?.status()
  if (host.state !== 'up' || !ledger || !status) {
    const why = ledger?.stopped ? `: ${JSON.stringify(ledger.stopped)}` : ''
    return `${host.name} ${host.state}, no ledger${why}`
  }
  const voters = status.config.voters.map(({ id }) => nameOf(id)).join(',')
  const peers = status.peers.map(
    ({ id, state, match, heardMsAgo }) =>
      `${nameOf(id)}:${state}@${match} heard ${Math.round(heardMsAgo)} ms ago`,
  )
  return [
    `${host.name} ${status.role} in term ${status.term}`,
    `leader ${status.leader ? nameOf(status.leader) : 'none'}`,
    `log to ${status.lastIndex}@${status.lastTerm}, commit ${status.commit}, applied ${ledger.state.index}`,
    `voters ${voters} (entry ${status.configIndex})`,
    status.recovering ? 'recovering' : '',
    ledger.stopped ? `stopped: ${JSON.stringify(ledger.stopped)}` : '',
    peers.join(' '),
  ]
    .filter(Boolean)
    .join('; ')
}
