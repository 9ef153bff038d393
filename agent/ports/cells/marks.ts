/**
 * Processes known by a variable in their environment, which every child inherits wherever it goes:
 * to another group, another session, or to init. Only one that empties its environment on purpose
 * is lost from sight; a control group holds even that.
 */
import { closeSync, open, openSync, read, readdirSync, readFileSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { processStat } from './process-stat.ts'

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
 * The same of all processes: other threads open and read, so many at a time (see `read-apart.ts`), and
 * each is told of as soon as it is found. Who has come meanwhile is looked at as well, so that nobody
 * gets away by having children.
 */
export async function markedApart(
  owner: string,
  atOnce = 1,
  onFound: (marked: Marked) => void = () => {},
): Promise<Marked[]> {
  const found: Marked[] = []
  const known = new Set<number>()
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const others = processIds().filter((pid) => !known.has(pid))
    if (others.length === 0) break
    for (const pid of others) known.add(pid)
    await markedAmong(owner, others, atOnce, (marked) => {
      found.push(marked)
      onFound(marked)
    })
  }
  return found
}

/** The same of these, and nobody else. */
export async function markedAmong(
  owner: string,
  pids: readonly number[],
  atOnce: number,
  onFound: (marked: Marked) => void,
): Promise<void> {
  const wanted = Buffer.from(`${MARK}=${owner}/`)
  // Who reads takes the next of them, until all are taken.
  const left = pids.values()
  const readers = Array.from({ length: Math.min(atOnce, pids.length) }, async () => {
    const room = Buffer.alloc(ROOM_BYTES)
    for (const pid of left) {
      const environment = await environmentApart(pid, room)
      const cell = environment && valueIn(environment, wanted)
      if (cell !== undefined) onFound({ pid, cell })
    }
  })
  await Promise.all(readers)
}

/** On a host that starts programs all the time there is always somebody new. */
const TURNS_MAX = 4
const ROOM_BYTES = 64 << 10
const openApart = promisify(open)
const readInto = promisify(read)

async function environmentApart(pid: number, room: Buffer): Promise<Buffer | undefined> {
  const path = `/proc/${pid}/environ`
  try {
    for (let reads = 1; ; reads++) {
      const length = await readOnceApart(path, room)
      if (length === room.length) return await readFile(path)
      if (length > 0 || reads === READS_MAX || !hasMemory(pid)) return room.subarray(0, length)
    }
  } catch {
    return undefined
  }
}

async function readOnceApart(path: string, room: Buffer): Promise<number> {
  const file = await openApart(path, 'r')
  try {
    const { bytesRead } = await readInto(file, room, 0, room.length, null)
    return bytesRead
  } finally {
    closeSync(file)
  }
}

/**
 * A process that becomes another program after its file was opened, and before it is read, has nothing
 * in it. Neither has one of the kernel's own, or one that is dying; but they have no memory.
 */
function hasMemory(pid: number): boolean {
  return (processStat(pid)?.virtualBytes ?? 0) > 0
}

/** To find it in the same moment again and again takes more luck than anybody has. */
const READS_MAX = 8

const room = Buffer.alloc(ROOM_BYTES)

/** Good until the next call. Undefined for a process that is gone, or not ours to look at. */
function environmentOf(pid: number): Buffer | undefined {
  const path = `/proc/${pid}/environ`
  try {
    for (let reads = 1; ; reads++) {
      const length = readOnce(path)
      if (length === room.length) return readFileSync(path)
      if (length > 0 || reads === READS_MAX || !hasMemory(pid)) return room.subarray(0, length)
    }
  } catch {
    return undefined
  }
}

function readOnce(path: string): number {
  const file = openSync(path, 'r')
  try {
    return readSync(file, room)
  } finally {
    closeSync(file)
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
