/**
 * The inside of `skein bench chaos`, in namespaces of its own: five agents, each in a network of its
 * own, clients that write and read through all of them, and trouble by a schedule; then the faults
 * stop, the mesh has to heal, and everything that clients were told is judged.
 */
import { fileURLToPath } from 'node:url'
import { NoAckedLost } from '../checkers/no-acked-lost.ts'
import type { LocalNode } from '../mesh/layout.ts'
import { SeededEntropy } from '../world/entropy.ts'
import type { ChaosOptions } from './chaos.ts'
import { ChaosClient, type Notes } from './chaos-client.ts'
import { ChaosNetwork, hostOf, within } from './chaos-network.ts'
import { drawSchedule } from './chaos-schedule.ts'
import { Trouble } from './chaos-trouble.ts'
import { judge } from './chaos-verdict.ts'
import { inside } from './inside.ts'
import { leaderNameSeenBy, leaderOfAll } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { report } from './report.ts'

const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5']
const CLIENTS = 8
/** Sooner than a suspicion, so that a killed agent comes back as itself and at once. */
const RESTART_PAUSE_MS = 700

const agentProgram = fileURLToPath(new URL('chaos-agent.ts', import.meta.url))

function commandOf(node: LocalNode, configFile: string): readonly string[] {
  const agent = [process.execPath, agentProgram, configFile, node.host, String(node.apiPort)]
  return [...within(node.name), ...agent]
}

async function run({ minutes, seed, json }: ChaosOptions): Promise<number> {
  const forMs = Number(minutes) * 60_000
  const say = (line: string) => process.stderr.write(`${line}\n`)
  const network = new ChaosNetwork(NAMES)
  const mesh = await Mesh.start(NAMES.length, {
    restartPauseMs: RESTART_PAUSE_MS,
    hostOf,
    commandOf,
  })
  let clients: Clients | undefined
  try {
    await leaderOfAll(mesh)
    say(`five agents, five voters; ${minutes} minutes of trouble by seed ${seed}`)
    const notes = newNotes()
    const beganMs = performance.now()
    const timed = (line: string) =>
      say(`${((performance.now() - beganMs) / 1_000).toFixed(1).padStart(6)} s  ${line}`)
    const leader = () => leaderNameSeenBy(mesh)
    const trouble = new Trouble({ nodes: mesh.nodes, network, leader, say: timed })
    clients = startClients(mesh, notes, seed)
    trouble.begin(drawSchedule(seed, NAMES, forMs))
    try {
      await mesh.rest(forMs)
    } finally {
      trouble.end()
    }
    timed('the faults stop')
    const stoppedMs = performance.now()
    await leaderOfAll(mesh)
    const healedMs = performance.now() - stoppedMs
    await clients.stop()
    const times = { beganMs, stoppedMs, healedMs }
    const doors = mesh.nodes.map(({ apiAddress }) => apiAddress)
    const figures = await judge(mesh, doors, notes, trouble.counts, times, say)
    return report(`chaos, ${NAMES.length} agents, ${minutes} minutes, seed ${seed}`, figures, json)
  } finally {
    await clients?.stop()
    await mesh.stop()
  }
}

function newNotes(): Notes {
  const counts = { done: 0, refused: 0, unknown: 0 }
  return { operations: [], acked: new NoAckedLost(), counts, commitsMs: [], violations: [] }
}

interface Clients {
  stop(): Promise<unknown>
}

function startClients(mesh: Mesh, notes: Notes, seed: string): Clients {
  const doors = mesh.nodes.map(({ apiAddress }) => apiAddress)
  const entropy = new SeededEntropy(`chaos clients ${seed}`)
  const all = Array.from(
    { length: CLIENTS },
    (_, i) => new ChaosClient(i, doors, notes, entropy.stream(`client ${i}`)),
  )
  const done = Promise.all(all.map((client) => client.run()))
  return {
    stop: () => {
      for (const client of all) client.stop()
      return done
    },
  }
}

const options = JSON.parse(process.argv[2] as string) as ChaosOptions
await inside(options.json, () => run(options))
