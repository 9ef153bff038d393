/**
 * `skein bench failover`: the leader of five real agents is killed, again and again; how long until
 * the next write is committed, as a client sees it that asks the others who leads.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { meshAddressOf } from '../mesh/layout.ts'
import { LedgerClient } from './ledger-client.ts'
import { leaderOfAll, leaderSeenBy } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { percentile, report } from './report.ts'

export interface FailoverOptions {
  rounds: string
  json: boolean
}

const NODES = 5
const MEDIAN_GOAL_MS = 300
const P99_GOAL_MS = 1_000
const ROUND_DEADLINE_MS = 30_000
/** For one try: what a leader that has just died was asked is asked again of the next. */
const PUT_TIMEOUT_MS = 1_000
/** Long after the next leader is there, and the same in every round. */
const RESTART_PAUSE_MS = 2_000
const ASK_AGAIN_MS = 5

export async function benchFailover(options: FailoverOptions): Promise<number> {
  const mesh = await Mesh.start(NODES, { restartPauseMs: RESTART_PAUSE_MS })
  const times: number[] = []
  let lost = 0
  try {
    for (let round = 0; round < Number(options.rounds); round++) {
      const before = await leaderOfAll(mesh)
      const client = await LedgerClient.connect(mesh.nodes.map(meshAddressOf), mesh.swarmKeyFile)
      try {
        const sure = `sure-${round}`
        const kept = await client.put(before.id, sure, new Uint8Array(1), ROUND_DEADLINE_MS)
        if (kept.kind !== 'applied') throw new Error(`not taken: ${JSON.stringify(kept)}`)
        const victim = mesh.nodes.find(({ name }) => name === before.name)
        process.kill(victim?.pid as number, 'SIGKILL')
        const killedMs = performance.now()
        const index = await nextWrite(mesh, client, before, killedMs)
        times.push(performance.now() - killedMs)
        if (index <= kept.index) lost++
      } finally {
        await client.stop()
      }
    }
  } finally {
    await mesh.stop()
  }
  const median = percentile(times, 0.5)
  const p99 = percentile(times, 0.99)
  const results = [
    {
      metric: 'killed leader to the next committed write, median',
      unit: 'ms',
      value: median,
      goal: `< ${MEDIAN_GOAL_MS}`,
      holds: median < MEDIAN_GOAL_MS,
    },
    {
      metric: 'the same, 99th percentile',
      unit: 'ms',
      value: p99,
      goal: `< ${P99_GOAL_MS}`,
      holds: p99 < P99_GOAL_MS,
    },
    { metric: 'slowest', unit: 'ms', value: percentile(times, 1) },
    { metric: 'acknowledged writes lost', unit: '', value: lost, goal: '= 0', holds: lost === 0 },
  ]
  return report(`failover, ${NODES} agents, ${options.rounds} rounds`, results, options.json)
}

/** The index of the first write that another leader takes. */
async function nextWrite(
  mesh: Mesh,
  client: LedgerClient,
  before: { id: PeerId; name: string },
  sinceMs: number,
): Promise<number> {
  while (performance.now() - sinceMs < ROUND_DEADLINE_MS) {
    const leader = await leaderSeenBy(mesh, before.name)
    if (leader && leader !== before.id) {
      const taken = await client.put(leader, 'next', new Uint8Array(1), PUT_TIMEOUT_MS)
      if (taken.kind === 'applied') return taken.index
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
  }
  throw new Error('no leader came after the one that was killed')
}
