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

/** Agents run for months: by then voters are chosen and the compiler, which takes minutes, is done. */
const SETTLE_MS = 180_000
const CPU_GOAL_PERCENT = 0.5
const RESIDENT_GOAL_MIB = 128

export async function benchIdle(options: IdleOptions): Promise<number> {
  const mesh = await Mesh.start(Number(options.nodes))
  try {
    await mesh.rest(SETTLE_MS)
    const before = mesh.nodes.map(({ pid }) => cpuMs(pid))
    const startedMs = performance.now()
    await mesh.rest(Number(options.seconds) * 1_000)
    const lookedMs = performance.now() - startedMs
    const results = mesh.nodes.flatMap(({ name, pid }, i): Figure[] => {
      const percent = ((cpuMs(pid) - (before[i] as number)) / lookedMs) * 100
      const resident = residentBytesOf(pid) / 2 ** 20
      return [
        {
          metric: `${name} cpu of one core`,
          unit: '%',
          value: percent,
          goal: `< ${CPU_GOAL_PERCENT}`,
          holds: percent < CPU_GOAL_PERCENT,
        },
        {
          metric: `${name} resident`,
          unit: 'MiB',
          value: resident,
          goal: `< ${RESIDENT_GOAL_MIB}`,
          holds: resident < RESIDENT_GOAL_MIB,
        },
      ]
    })
    return report(
      `idle, ${mesh.nodes.length} agents, ${options.seconds} s after ${SETTLE_MS / 1_000} s of rest`,
      results,
      options.json,
    )
  } finally {
    await mesh.stop()
  }
}

/**
 * Of all its threads, to the nanosecond. What `stat` counts are whole ticks of the kernel, and they
 * are charged to whoever runs when one comes: too often to who is woken by it.
 */
function cpuMs(pid: number): number {
  let ns = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  }
  return ns / 1e6
}
