/**
 * Processes known by a variable in their environment, which every child inherits wherever it goes:
 * to another group, another session, or to init. Only one that empties its environment on purpose
 * is lost from sight; a control group holds even that.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'

export const MARK = 'SKEIN_CELL'

export interface Marked {
  pid: number
  /** What the variable holds after the owner's name. */
  cell: string
}

/** Living processes of this owner, among these or among all. Empty where there is no /proc. */
export function markedProcesses(owner: string, among: readonly number[] = processIds()): Marked[] {
  const wanted = Buffer.from(`${MARK}=${owner}/`)
  const found: Marked[] = []
  for (const pid of among) {
    const environment = environmentOf(pid)
    const cell = environment && valueIn(environment, wanted)
    if (cell !== undefined) found.push({ pid, cell })
  }
  return found
}

const room = Buffer.alloc(64 << 10)

/** Good until the next call. Undefined for a process that is gone, or not ours to look at. */
function environmentOf(pid: number): Buffer | undefined {
  const path = `/proc/${pid}/environ`
  try {
    const file = openSync(path, 'r')
    try {
      const length = readSync(file, room)
      return length < room.length ? room.subarray(0, length) : readFileSync(path)
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}

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
