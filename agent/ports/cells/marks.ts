/**
 * Processes known by a variable in their environment, which every child inherits wherever it goes:
 * to another group, another session, or to init. Only one that empties its environment on purpose
 * is lost from sight; a control group holds even that.
 */
import { closeSync, open, openSync, read, readdirSync, readFileSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

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

/**
 * The same of all processes, for whoever has time: other threads open and read, so many at a time (see
 * `read-apart.ts`). Who has come meanwhile is looked at as well, so that nobody gets away by having
 * children.
 */
export async function markedApart(owner: string, atOnce = 1): Promise<Marked[]> {
  const wanted = Buffer.from(`${MARK}=${owner}/`)
  const found: Marked[] = []
  const known = new Set<number>()
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const others = processIds().filter((pid) => !known.has(pid))
    if (others.length === 0) break
    // Who reads takes the next of them, until all are taken.
    const left = others.values()
    const readers = Array.from({ length: atOnce }, async () => {
      const room = Buffer.alloc(ROOM_BYTES)
      for (const pid of left) {
        known.add(pid)
        const environment = await environmentApart(pid, room)
        const cell = environment && valueIn(environment, wanted)
        if (cell !== undefined) found.push({ pid, cell })
      }
    })
    await Promise.all(readers)
  }
  return found
}

/** On a host that starts programs all the time there is always somebody new. */
const TURNS_MAX = 4
const ROOM_BYTES = 64 << 10
const openApart = promisify(open)
const readInto = promisify(read)

async function environmentApart(pid: number, room: Buffer): Promise<Buffer | undefined> {
  const path = `/proc/${pid}/environ`
  try {
    const file = await openApart(path, 'r')
    try {
      const { bytesRead } = await readInto(file, room, 0, room.length, null)
      return bytesRead < room.length ? room.subarray(0, bytesRead) : await readFile(path)
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}

const room = Buffer.alloc(ROOM_BYTES)

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
