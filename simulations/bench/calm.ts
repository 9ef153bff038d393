/**
 * `skein bench calm`: five agents on a machine with more to do than it has cores, and a ledger that
 * is written to all the time. Nobody fails, so nobody may stand for leader.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { meshAddressOf } from '../mesh/layout.ts'
import { LedgerClient } from './ledger-client.ts'
import { leaderOfAll, statusesOf } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { percentile, report } from './report.ts'

export interface CalmOptions {
  minutes: string
  json: boolean
}

const NODES = 5
const PUT_TIMEOUT_MS = 10_000
const PUT_BYTES = 256
/** Between two writes of one client, so that what keeps the machine busy is not the ledger alone. */
const REST_MS = 5
const CLIENTS = 4

export async function benchCalm(options: CalmOptions): Promise<number> {
  const mesh = await Mesh.start(NODES)
  const busy: ChildProcess[] = []
  try {
    let leader = (await leaderOfAll(mesh)).id
    const before = await termsOf(mesh)
    for (let i = 0; i < availableParallelism(); i++) {
      busy.push(spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }))
    }
    const client = await LedgerClient.connect(mesh.nodes.map(meshAddressOf), mesh.swarmKeyFile)
    const times: number[] = []
    let failed = 0
    const untilMs = performance.now() + Number(options.minutes) * 60_000
    const write = async (name: number) => {
      const body = new Uint8Array(PUT_BYTES)
      while (performance.now() < untilMs) {
        const startMs = performance.now()
        const put = await client.put(leader, `calm/${name}`, body, PUT_TIMEOUT_MS)
        if (put.kind === 'applied') times.push(performance.now() - startMs)
        else {
          failed++
          leader = (await leaderOfAll(mesh)).id
        }
        await mesh.rest(REST_MS)
      }
    }
    try {
      await Promise.all(Array.from({ length: CLIENTS }, (_, i) => write(i)))
    } finally {
      await client.stop()
    }
    const after = await termsOf(mesh)
    const elections = Math.max(...after) - Math.max(...before)
    return report(
      `calm, ${NODES} agents and ${busy.length} idle loops, ${options.minutes} minutes`,
      [
        {
          metric: 'elections without a failure',
          unit: '',
          value: elections,
          goal: '= 0',
          holds: elections === 0,
        },
        { metric: 'writes', unit: '', value: times.length },
        {
          metric: 'writes that failed',
          unit: '',
          value: failed,
          goal: '= 0',
          holds: failed === 0,
        },
        { metric: 'a write, median', unit: 'ms', value: percentile(times, 0.5) },
        { metric: 'a write, 99th percentile', unit: 'ms', value: percentile(times, 0.99) },
      ],
      options.json,
    )
  } finally {
    for (const child of busy) child.kill('SIGKILL')
    await mesh.stop()
  }
}

async function termsOf(mesh: Mesh): Promise<number[]> {
  const said = await statusesOf(mesh)
  return said.map((status) => status?.ledger?.term ?? 0)
}
