/**
 * `skein bench idle`: what agents cost when nothing is asked of them. A mesh of its own is started,
 * left to settle, and then looked at from outside, in /proc.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { Mesh } from './mesh.ts'
import { type Figure, report } from './report.ts'
import { residentBytesOf } from './resident.ts'

export interface IdleOptions {
  nodes: string
  seconds: string
  json: boolean
}

/**
 * Agents run for months. At the first look voters are chosen and nothing is left to do, but the
 * compiler is still busy; at the last it is done, and that is the look which the goals are about.
 */
const LOOKS_AFTER_MS = [180_000, 600_000]
const CPU_GOAL_PERCENT = 0.5
const RESIDENT_GOAL_MIB = 128

interface Look {
  readonly ageMs: number
  /** By node. */
  readonly percents: readonly number[]
  readonly residentMib: readonly number[]
}

export async function benchIdle(options: IdleOptions): Promise<number> {
  const mesh = await Mesh.start(Number(options.nodes))
  const upMs = performance.now()
  try {
    const looks: Look[] = []
    for (const ageMs of LOOKS_AFTER_MS) {
      await mesh.rest(Math.max(0, upMs + ageMs - performance.now()))
      looks.push({ ageMs, ...(await look(mesh, Number(options.seconds) * 1_000)) })
    }
    const results = mesh.nodes.flatMap(({ name }, i) => looks.flatMap((it) => figures(name, i, it)))
    return report(
      `idle, ${mesh.nodes.length} agents, ${options.seconds} s each time`,
      results,
      options.json,
    )
  } finally {
    await mesh.stop()
  }
}

async function look(mesh: Mesh, forMs: number): Promise<Omit<Look, 'ageMs'>> {
  const before = mesh.nodes.map(({ pid }) => cpuMs(pid))
  const startedMs = performance.now()
  await mesh.rest(forMs)
  const lookedMs = performance.now() - startedMs
  return {
    percents: mesh.nodes.map(
      ({ pid }, i) => ((cpuMs(pid) - (before[i] as number)) / lookedMs) * 100,
    ),
    residentMib: mesh.nodes.map(({ pid }) => residentBytesOf(pid) / 2 ** 20),
  }
}

function figures(name: string, i: number, { ageMs, percents, residentMib }: Look): Figure[] {
  const [percent, resident] = [percents[i]!, residentMib[i]!]
  const age = `after ${ageMs / 60_000} min`
  const cpu = { metric: `${name} cpu of one core, ${age}`, unit: '%', value: percent }
  const memory = { metric: `${name} resident, ${age}`, unit: 'MiB', value: resident }
  if (ageMs !== LOOKS_AFTER_MS.at(-1)) return [cpu, memory]
  const goal = (most: number, value: number) => ({ goal: `< ${most}`, holds: value < most })
  return [
    { ...cpu, ...goal(CPU_GOAL_PERCENT, percent) },
    { ...memory, ...goal(RESIDENT_GOAL_MIB, resident) },
  ]
}

/**
 * Of all its threads, to the nanosecond. What `stat` counts are whole ticks of the kernel, and they
 * are charged to whoever runs when one comes: too often to who is woken by it.
 */
export function cpuMs(pid: number): number {
  let ns = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  }
  return ns / 1e6
}
