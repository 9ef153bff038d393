/** What /proc says of one process: who it is, and what it has taken so far. */
import { readFileSync } from 'node:fs'
import { readApart } from './read-apart.ts'

/** A pid is used again; with its start, and the boot that this counts from, it is one process. */
export interface ProcessStat {
  startedTicks: string
  group: number
  ended: boolean
  /** With what its children that have ended took. */
  cpuUserMs: number
  cpuSystemMs: number
  residentBytes: number
}

/** USER_HZ, which is what /proc counts in, is 100 on every architecture that Node runs on. */
const TICK_MS = 10
const PAGE_BYTES = 4096

/** By another thread: it may be becoming another program just now. */
export async function processStatApart(pid: number): Promise<ProcessStat | undefined> {
  return statIn(await readApart(`/proc/${pid}/stat`))
}

function statIn(text: string | undefined): ProcessStat | undefined {
  if (text === undefined || text === '') return undefined
  // The name, second, may hold spaces and brackets of its own; `fields[0]` is the third field.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const at = (place: number): number => Number(fields[place - 3])
  return {
    group: at(5),
    startedTicks: fields[22 - 3] ?? '',
    ended: fields[0] === 'Z' || fields[0] === 'X',
    cpuUserMs: (at(14) + at(16)) * TICK_MS,
    cpuSystemMs: (at(15) + at(17)) * TICK_MS,
    residentBytes: at(24) * PAGE_BYTES,
  }
}

export function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

/** A process and all below it that have not been handed to init. Bounded by `max`. */
export function familyOf(pid: number, max: number): number[] {
  const family = [pid]
  for (let i = 0; i < family.length && family.length < max; i++) {
    const children = readText(`/proc/${family[i]}/task/${family[i]}/children`) ?? ''
    for (const child of children.split(' ')) if (child !== '') family.push(Number(child))
  }
  return family.slice(0, max)
}

export async function ioOf(
  pid: number,
): Promise<{ readBytes: number; writtenBytes: number } | undefined> {
  const text = await readApart(`/proc/${pid}/io`)
  const read = /^read_bytes: (\d+)/m.exec(text ?? '')
  const written = /^write_bytes: (\d+)/m.exec(text ?? '')
  return read && written
    ? { readBytes: Number(read[1]), writtenBytes: Number(written[1]) }
    : undefined
}
