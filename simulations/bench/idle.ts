/**
 * `skein bench idle`: what agents cost when nothing is asked of them. A mesh of its own is started,
 * left to settle, and then looked at from outside, in /proc.
 */
import { readFileSync } from 'node:fs'
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
/** Linux counts CPU time in hundredths of a second. */
const TICKS_PER_SECOND = 100

export async function benchIdle(options: IdleOptions): Promise<number> {
  const mesh = await Mesh.start(Number(options.nodes))
  try {
    await mesh.rest(SETTLE_MS)
    const before = mesh.nodes.map(({ pid }) => cpuTicks(pid))
    const startedMs = performance.now()
    await mesh.rest(Number(options.seconds) * 1_000)
    const seconds = (performance.now() - startedMs) / 1_000
    const results = mesh.nodes.flatMap(({ name, pid }, i): Figure[] => {
      const percent = ((cpuTicks(pid) - (before[i] as number)) / TICKS_PER_SECOND / seconds) * 100
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

function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}
