/**
 * Processes known by a variable in their environment, which every child inherits wherever it goes:
 * to another group, another session, or to init. Only one that empties its environment on purpose
 * is lost from sight; a control group holds even that.
 */
import { readdirSync } from 'node:fs'
import { eachEnvironment } from './environments.ts'

export const MARK = 'SKEIN_CELL'

export interface Marked {
  pid: number
  /** What the variable holds after the owner's name. */
  cell: string
}

export interface Looking {
  /** Threads that read. */
  atOnce?: number
  onFound?: ((marked: Marked) => void) | undefined
  /**
   * How long one that is in no group of this agent's is waited for, if not until the end. One that is
   * found later is told of all the same.
   */
  strangersMs?: number | undefined
}

/**
 * Those of all processes: other threads open and read, so many at a time (see `environments.ts`), and
 * each is told of as soon as it is found. Who has come meanwhile is looked at as well, so that nobody
 * gets away by having children.
 */
export async function markedApart(
  owner: string,
  { atOnce = 1, onFound = () => {}, strangersMs }: Looking = {},
): Promise<Marked[]> {
  const found: Marked[] = []
  const known = new Set<number>()
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const others = processIds().filter((pid) => !known.has(pid))
    if (others.length === 0) break
    for (const pid of others) known.add(pid)
    const each = (marked: Marked): void => {
      found.push(marked)
      onFound(marked)
    }
    await markedAmong(owner, others, { atOnce, onFound: each, strangersMs })
  }
  return found
}

/** The same of these, and nobody else. */
export async function markedAmong(
  owner: string,
  pids: readonly number[],
  { atOnce = 1, onFound = () => {}, strangersMs }: Looking,
): Promise<void> {
  const wanted = Buffer.from(`${MARK}=${owner}/`)
  const patience = strangersMs === undefined ? undefined : { owner, forStrangersMs: strangersMs }
  await eachEnvironment(pids, atOnce, patience, (pid, environment) => {
    const cell = valueIn(environment, wanted)
    if (cell !== undefined) onFound({ pid, cell })
  })
}

/** On a host that starts programs all the time there is always somebody new. */
const TURNS_MAX = 4

function valueIn(environment: Buffer, wanted: Buffer): string | undefined {
  for (let from = 0; ; ) {
    const at = environment.indexOf(wanted, from)
    if (at === -1) return undefined
    if (at === 0 || environment[at - 1] === 0) {
      const end = environment.indexOf(0, at)
      const whole = end === -1 ? environment.length : end
      return environment.toString('utf8', at + wanted.length, whole)
    }
    from = at + wanted.length
  }
}

function processIds(): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0)
  } catch {
    return []
  }
}

/** True when it was signalled. One that is gone meanwhile, or not ours, is not. */
export function killProcess(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch {
    return false
  }
}
