/**
 * The environments of processes, read by other threads: of one that is becoming another program just
 * now the kernel tells nothing until it has, which takes as long as it is kept from its cores.
 *
 * Whoever cannot wait for that (a stop that is to be confirmed) need not: of those that are in no
 * group of this agent's only the first so many milliseconds are waited for. They are read to the end
 * all the same, and told of then, so that one of ours that has moved elsewhere is late, and not lost.
 */
import { closeSync, open, read } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { cellLimits } from '../limits.ts'
import { processStatus } from '../process-status.ts'
import { readText } from './process-stat.ts'

type Told = (environment: Buffer) => void

/** To find it in the same moment again and again takes more luck than anybody has. */
const READS_MAX = 8
/** For as long one is read again that is kept from its cores in that moment, and how soon. */
const BECOMING_MS_MAX = 2_000
const BECOMING_AGAIN_MS = 1
const ROOM_BYTES = 64 << 10
const openApart = promisify(open)
const readInto = promisify(read)

/** Reads of strangers that nobody waits for any longer, by process. */
const slow = new Map<number, Promise<Buffer | undefined>>()
/** Of strangers who are read when one of those is done. */
const waiting: (() => void)[] = []

export interface Patience {
  /** In the name of each group that is this agent's. */
  readonly owner: string
  readonly forStrangersMs: number
}

/**
 * Each is told of at once, and is good until the next is. So many are read at a time. Resolves when
 * all are read; with `patience`, all but those who take too long and are none of ours.
 */
export async function eachEnvironment(
  pids: readonly number[],
  atOnce: number,
  patience: Patience | undefined,
  told: (pid: number, environment: Buffer) => void,
): Promise<void> {
  // Who reads takes the next of them, until all are taken.
  const left = pids.values()
  const readers = Array.from({ length: Math.min(atOnce, pids.length) }, async () => {
    let room = Buffer.alloc(ROOM_BYTES)
    for (const pid of left) {
      const tell: Told = (environment) => told(pid, environment)
      if (patience !== undefined && isPutOff(pid, patience, tell)) continue
      const reading = environmentOf(pid, room)
      const isRead = patience === undefined || (await within(reading, patience.forStrangersMs))
      if (isRead || !isStranger(pid, patience.owner)) {
        const environment = await reading
        if (environment !== undefined) tell(environment)
        continue
      }
      leave(pid, reading, tell)
      room = Buffer.alloc(ROOM_BYTES)
    }
  })
  await Promise.all(readers)
}

/** Nobody waits for it: it is being read for others already, or there are too many of its kind. */
function isPutOff(pid: number, { owner }: Patience, tell: Told): boolean {
  const before = slow.get(pid)
  if (before !== undefined) {
    tellLater(before, tell)
    return true
  }
  if (slow.size < cellLimits.slowReadsMax || !isStranger(pid, owner)) return false
  if (waiting.length >= cellLimits.slowReadsWaitingMax) return false
  waiting.push(() => leave(pid, environmentOf(pid, Buffer.alloc(ROOM_BYTES)), tell))
  return true
}

function leave(pid: number, reading: Promise<Buffer | undefined>, tell: Told): void {
  slow.set(pid, reading)
  tellLater(reading, tell)
  void reading.then(() => {
    slow.delete(pid)
    if (slow.size < cellLimits.slowReadsMax) waiting.shift()?.()
  })
}

function tellLater(reading: Promise<Buffer | undefined>, tell: Told): void {
  void reading.then((environment) => environment && tell(environment))
}

function within(reading: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = globalThis.setTimeout(() => resolve(false), ms)
    void reading.then(() => {
      clearTimeout(timer)
      resolve(true)
    })
  })
}

/** In no group of this agent's, and not where the agent itself is: this the kernel always tells. */
function isStranger(pid: number, owner: string): boolean {
  const groups = readText(`/proc/${pid}/cgroup`)
  if (groups === undefined) return true
  return !groups.includes(owner) && groups !== readText('/proc/self/cgroup')
}

/** Undefined for a process that is gone, or not ours to look at. */
async function environmentOf(pid: number, room: Buffer): Promise<Buffer | undefined> {
  const path = `/proc/${pid}/environ`
  let untilMs: number | undefined
  try {
    for (let reads = 1; ; ) {
      const length = await readOnce(path, room)
      if (length === room.length) return await readFile(path)
      if (length > 0 || reads === READS_MAX || !hasMemory(pid)) return room.subarray(0, length)
      untilMs ??= performance.now() + BECOMING_MS_MAX
      if (performance.now() < untilMs && (await isWordless(pid)))
        await setTimeout(BECOMING_AGAIN_MS)
      else reads++
    }
  } catch {
    return undefined
  }
}

/** As is whoever is becoming another program: it has not been given its words yet, either. */
async function isWordless(pid: number): Promise<boolean> {
  return (await readOnce(`/proc/${pid}/cmdline`, Buffer.alloc(1))) === 0
}

async function readOnce(path: string, room: Buffer): Promise<number> {
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
  return processStatus(pid)?.hasMemory ?? false
}
