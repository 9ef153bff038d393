/**
 * `skein bench ledger`: entries appended to the replicated log of real agents, every commit synced
 * by a quorum of them, beside etcd on the same machine in the same run. Both are asked at their
 * leader, over its own protocol, by as many callers at once.
 */
import { EtcdCluster } from './etcd.ts'
import { LedgerClient } from './ledger-client.ts'
import { leaderOfVoters } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { type Figure, percentile, report } from './report.ts'

export interface LedgerBenchOptions {
  seconds: string
  clients: string
  json: boolean
}

const ENTRY_BYTES = 256
/** Different keys that are written, so that the state stays small and the log grows. */
const KEYS = 10_000
const RATE_GOAL = 20_000
const MEDIAN_GOAL_MS = 2
/** In the mesh; those without a vote hold the ledger as well. */
const AGENTS = 5
const ETCD_MEMBERS = 3
const TIMEOUT_MS = 30_000
/**
 * Before anything is measured, each manner of appending is done so often and so long: what a server
 * that has just started runs is still being compiled for some ten seconds of it.
 */
const WARM_UP_ROUNDS = 3
const WARM_UP_MS = 2_000
const SINGLE_SECONDS_SHARE = 0.3

type Put = (key: string, value: Uint8Array) => Promise<void>

interface Measured {
  rate: number
  medianMs: number
  p99Ms: number
}

export async function benchLedger(options: LedgerBenchOptions): Promise<number> {
  const results: Figure[] = []
  const etcd = await measureEtcd(options)
  for (const voters of [3, 5]) {
    const skein = await measureMesh(voters, options)
    results.push(...figuresOf(voters, skein, etcd))
  }
  if (!etcd) process.stderr.write('etcd is not installed (apt-get install etcd-server)\n')
  const title = `ledger, entries of ${ENTRY_BYTES} bytes, ${options.clients} clients, ${options.seconds} s`
  return report(title, results, options.json)
}

function figuresOf(voters: number, skein: Measured, etcd: Measured | undefined): Figure[] {
  const name = `${voters} voters`
  const beside = (peerValue: number | undefined) =>
    peerValue === undefined
      ? { peer: 'etcd (missing)' }
      : { peer: `etcd, ${ETCD_MEMBERS}`, peerValue }
  return [
    {
      metric: `${name}: many clients`,
      unit: 'entries/s',
      value: skein.rate,
      goal: `>= ${RATE_GOAL}`,
      holds: skein.rate >= RATE_GOAL,
      ...beside(etcd?.rate),
    },
    {
      metric: `${name}: one client, median`,
      unit: 'ms',
      value: skein.medianMs,
      goal: `< ${MEDIAN_GOAL_MS}`,
      holds: skein.medianMs < MEDIAN_GOAL_MS,
      ...beside(etcd?.medianMs),
    },
    { metric: `${name}: one client, p99`, unit: 'ms', value: skein.p99Ms, ...beside(etcd?.p99Ms) },
  ]
}

async function measureEtcd(options: LedgerBenchOptions): Promise<Measured | undefined> {
  const cluster = await EtcdCluster.start(ETCD_MEMBERS)
  if (!cluster) return undefined
  try {
    const client = await cluster.client()
    const measured = await measure((key, value) => client.put(key, value), options)
    client.close()
    return measured
  } finally {
    await cluster.stop()
  }
}

async function measureMesh(voters: number, options: LedgerBenchOptions): Promise<Measured> {
  const mesh = await Mesh.start(AGENTS)
  try {
    const leader = await leaderOfVoters(mesh, voters)
    const client = await LedgerClient.connect([leader.address], mesh.swarmKeyFile)
    try {
      return await measure(async (key, value) => {
        const appended = await client.put(leader.id, key, value, TIMEOUT_MS)
        if (appended.kind === 'applied' && appended.result.code === 'ok') return
        throw new Error(`an append failed: ${JSON.stringify(appended)}`)
      }, options)
    } finally {
      await client.stop()
    }
  } finally {
    await mesh.stop()
  }
}

async function measure(put: Put, options: LedgerBenchOptions): Promise<Measured> {
  const seconds = Number(options.seconds)
  for (let i = 0; i < WARM_UP_ROUNDS; i++) {
    await many(put, Number(options.clients), WARM_UP_MS)
    await single(put, WARM_UP_MS)
  }
  const latencies = await single(put, seconds * 1_000 * SINGLE_SECONDS_SHARE)
  const startedMs = performance.now()
  const count = await many(put, Number(options.clients), seconds * 1_000)
  const rate = count / ((performance.now() - startedMs) / 1_000)
  return { rate, medianMs: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) }
}

async function single(put: Put, forMs: number): Promise<number[]> {
  const latencies: number[] = []
  const endMs = performance.now() + forMs
  for (let i = 0; performance.now() < endMs; i++) {
    const startedMs = performance.now()
    await put(keyOf(i), entryOf(i))
    latencies.push(performance.now() - startedMs)
  }
  return latencies
}

/** Each client appends again as soon as it is answered. */
async function many(put: Put, clients: number, forMs: number): Promise<number> {
  const endMs = performance.now() + forMs
  let count = 0
  const client = async () => {
    while (performance.now() < endMs) {
      const i = count++
      await put(keyOf(i), entryOf(i))
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return count
}

function keyOf(i: number): string {
  return `key-${i % KEYS}`
}

function entryOf(i: number): Uint8Array {
  const value = Buffer.alloc(ENTRY_BYTES, i & 255)
  value.writeUInt32BE(i >>> 0)
  return value
}
