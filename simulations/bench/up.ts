/**
 * `skein bench up`: how soon a new mesh is together, and how soon the others know when an agent is
 * killed. Deaths are timed at a survivor's event stream, on the clock of this process.
 */
import { Client } from '../../coordinator/cli/client.ts'
import type { LocalNode } from '../mesh/layout.ts'
import { signInOf } from '../mesh/looking.ts'
import { Mesh } from './mesh.ts'
import { type Figure, percentile, report } from './report.ts'

export interface UpOptions {
  nodes: string
  rounds: string
  json: boolean
}

const TOGETHER_GOAL_MS = 3_000
const DEAD_GOAL_MS = 2_000
const DEATH_DEADLINE_MS = 20_000

export async function benchUp(options: UpOptions): Promise<number> {
  const together: number[] = []
  const suspected: number[] = []
  const dead: number[] = []
  for (let round = 0; round < Number(options.rounds); round++) {
    const mesh = await Mesh.start(Number(options.nodes))
    try {
      together.push(mesh.togetherMs)
      const victim = mesh.nodes.at(-1)
      const witness = mesh.nodes[0]
      if (!victim || !witness || victim === witness) continue
      const seen = watch(witness, victim.name)
      await seen.listening
      const killedMs = performance.now()
      process.kill(victim.pid, 'SIGKILL')
      const { suspectMs, deadMs } = await seen.death
      suspected.push(suspectMs - killedMs)
      dead.push(deadMs - killedMs)
    } finally {
      await mesh.stop()
    }
  }
  const results: Figure[] = [
    figure('all see all, median', together, 0.5, TOGETHER_GOAL_MS),
    figure('all see all, slowest', together, 1, TOGETHER_GOAL_MS),
    figure('killed agent suspected, median', suspected, 0.5, DEAD_GOAL_MS),
    figure('killed agent dead, median', dead, 0.5, DEAD_GOAL_MS),
    figure('killed agent dead, slowest', dead, 1, DEAD_GOAL_MS),
  ]
  return report(`up, ${options.nodes} agents, ${options.rounds} rounds`, results, options.json)
}

function figure(metric: string, values: readonly number[], share: number, goal: number): Figure {
  const value = percentile(values, share)
  return { metric, unit: 'ms', value, goal: `< ${goal}`, holds: value < goal }
}

function watch(witness: LocalNode, victim: string) {
  const listening = Promise.withResolvers<void>()
  const death = Promise.withResolvers<{ suspectMs: number; deadMs: number }>()
  const deadline = setTimeout(() => death.reject(new Error('nobody noticed')), DEATH_DEADLINE_MS)
  const leaving = new AbortController()
  const client = new Client(witness.apiAddress, signInOf(witness), leaving.signal)
  const follow = async () => {
    const events = await client.stream('events', { query: { follow: 'true', last: 0 } })
    listening.resolve()
    let suspectMs = Number.NaN
    for await (const { kind, name } of events) {
      if (name !== victim) continue
      if (kind === 'node.suspect') suspectMs = performance.now()
      if (kind !== 'node.dead') continue
      clearTimeout(deadline)
      death.resolve({ suspectMs, deadMs: performance.now() })
      return
    }
  }
  follow().catch((error: unknown) => {
    listening.reject(error)
    death.reject(error)
  })
  return { listening: listening.promise, death: death.promise }
}
