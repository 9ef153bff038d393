/** Who is left of a cell that an earlier life of the agent has started. */
import { readlink } from 'node:fs/promises'
import type { CellLimits } from '../../../protocol/ports/cells.ts'
import { cellLimits } from '../limits.ts'
import { processStatus } from '../process-status.ts'
import { type Marked, markedApart } from './marks.ts'
import { processStatApart } from './process-stat.ts'
import type { Trace } from './trace.ts'

export interface Survivors {
  /** The program itself, if it is among them. */
  pid: number | undefined
  started: string | undefined
  /** Standard output and error. */
  outputs: readonly string[]
  unenforced: readonly (keyof CellLimits)[]
}

/** Looks at all processes, which all share who ask before the next one begins. */
export class Search {
  readonly #owner: string
  #current: Promise<unknown> | undefined
  #next: Promise<Marked[]> | undefined

  constructor(owner: string) {
    this.#owner = owner
  }

  /** Members of cells, by a look that begins after this was called. */
  members(): Promise<Marked[]> {
    this.#next ??= this.#lookNext()
    return this.#next
  }

  async #lookNext(): Promise<Marked[]> {
    await this.#current
    const look = markedApart(this.#owner, { atOnce: cellLimits.censusReadersMax })
    this.#current = look
    this.#next = undefined
    return look
  }
}

/** Undefined when there are none. A trace that a crash has prevented is pieced together. */
export async function lookFor(
  name: string,
  search: Search,
  trace: Trace | undefined,
): Promise<Survivors | undefined> {
  const unenforced = trace?.unenforced ?? []
  if (trace?.started !== undefined && (await standing(trace)) === 'alive') {
    return { pid: trace.pid, started: trace.started, outputs: trace.pipes, unenforced }
  }
  const members = (await search.members()).filter(({ cell }) => cell === name)
  if (members.length === 0) return undefined
  const pids = members.map(({ pid }) => pid)
  // Where the program is known, and is not among them, whoever leads a group here has left it.
  const candidates = trace === undefined ? pids : pids.filter((pid) => pid === trace.pid)
  const leader = trace?.started === undefined ? await firstLeader(candidates) : undefined
  const outputs = trace?.pipes ?? (await outputsOf(leader?.pid ?? pids[0]!))
  return { pid: leader?.pid, started: leader?.started, outputs, unenforced }
}

/** `ended`: there is a process, which nobody has waited for yet. */
export async function standing({ pid, started }: Trace): Promise<'alive' | 'ended' | 'gone'> {
  const stat = pid === undefined ? undefined : await processStatApart(pid)
  if (stat === undefined) return 'gone'
  const isIt = started === undefined ? stat.group === pid : stat.startedTicks === started
  return !isIt ? 'gone' : stat.ended ? 'ended' : 'alive'
}

/** The program came first, and leads a group. */
async function firstLeader(
  pids: readonly number[],
): Promise<{ pid: number; started: string } | undefined> {
  const stats = await Promise.all(
    pids
      .filter((pid) => processStatus(pid)?.group === pid)
      .map(async (pid) => ({ pid, stat: await processStatApart(pid) })),
  )
  return stats
    .flatMap(({ pid, stat }) =>
      stat && !stat.ended && stat.group === pid ? [{ pid, started: stat.startedTicks }] : [],
    )
    .sort((a, b) => Number(a.started) - Number(b.started) || a.pid - b.pid)[0]
}

async function outputsOf(pid: number): Promise<string[]> {
  const of = (descriptor: number): Promise<string> => readlink(`/proc/${pid}/fd/${descriptor}`)
  try {
    return [await of(1), await of(2)]
  } catch {
    return []
  }
}
