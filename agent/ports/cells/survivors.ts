/** Who is left of a cell that an earlier life of the agent has started. */
import { readlinkSync } from 'node:fs'
import type { CellLimits } from '../../../protocol/ports/cells.ts'
import { markedProcesses } from './marks.ts'
import { processStat } from './process-stat.ts'
import type { Trace } from './trace.ts'

export interface Survivors {
  /** The program itself, if it is among them. */
  pid: number | undefined
  started: string | undefined
  /** Standard output and error. */
  outputs: readonly string[]
  unenforced: readonly (keyof CellLimits)[]
}

/** Undefined when there are none. A trace that a crash has prevented is pieced together. */
export function lookFor(
  name: string,
  owner: string,
  trace: Trace | undefined,
): Survivors | undefined {
  const unenforced = trace?.unenforced ?? []
  if (trace?.pid !== undefined && standing(trace) === 'alive') {
    return { pid: trace.pid, started: trace.started, outputs: trace.pipes, unenforced }
  }
  const members = markedProcesses(owner).filter(({ cell }) => cell === name)
  if (members.length === 0) return undefined
  const pids = members.map(({ pid }) => pid)
  // With a trace the program is known, and it is gone: whoever leads a group here has left it.
  const leader = trace === undefined ? firstLeader(pids) : undefined
  const outputs = trace?.pipes ?? outputsOf(leader?.pid ?? pids[0]!)
  return { pid: leader?.pid, started: leader?.started, outputs, unenforced }
}

/** `ended`: there is a process, which nobody has waited for yet. */
export function standing({ pid, started }: Trace): 'alive' | 'ended' | 'gone' {
  const stat = pid === undefined ? undefined : processStat(pid)
  if (stat === undefined || stat.startedTicks !== started) return 'gone'
  return stat.ended ? 'ended' : 'alive'
}

/** The program came first, and leads a group. */
function firstLeader(pids: readonly number[]): { pid: number; started: string } | undefined {
  return pids
    .flatMap((pid) => {
      const stat = processStat(pid)
      return stat && !stat.ended && stat.group === pid ? [{ pid, started: stat.startedTicks }] : []
    })
    .sort((a, b) => Number(a.started) - Number(b.started) || a.pid - b.pid)[0]
}

function outputsOf(pid: number): string[] {
  try {
    return [1, 2].map((descriptor) => readlinkSync(`/proc/${pid}/fd/${descriptor}`))
  } catch {
    return []
  }
}
