/**
 * How long a process takes by itself: the time in which it ran or slept, without what it waited for a
 * core. On a busy host, which it gives way to, one step of training may wait for half a minute, and
 * nothing is wrong with it; one that hangs sleeps or runs, and both count.
 *
 * Asked only of a process that is overdue by the wall, so it costs nothing else.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { processStatus } from '../process-status.ts'

/** Of one thread, in nanoseconds since it began. */
export interface ThreadTime {
  readonly ran: number
  readonly waited: number
  /** It runs, or waits for a core: time that it waits still is not in `waited` yet. */
  readonly wantsCore: boolean
}

/** By thread. Empty where the system does not tell. */
export type Threads = ReadonlyMap<string, ThreadTime>

/**
 * Of the time since `before`, in milliseconds, what counts: all but what the thread waited that waited
 * most, and no less than was run. Where the system tells nothing, all of it.
 */
export function ownTimeOf(before: Threads, after: Threads, elapsedMs: number): number {
  let [ranMs, waitedMs] = [0, 0]
  for (const [thread, now] of after) {
    const was = before.get(thread) ?? { ran: 0, waited: 0 }
    const ran = Math.max(0, now.ran - was.ran) / 1e6
    const waited = Math.max(0, now.waited - was.waited) / 1e6
    ranMs += ran
    waitedMs = Math.max(waitedMs, ran === 0 && now.wantsCore ? elapsedMs : waited)
  }
  return Math.max(ranMs, elapsedMs - waitedMs)
}

export class OwnTime {
  readonly #pid: number | undefined
  readonly #lookMsMax: number
  #threads: Threads
  #atMs = performance.now()
  #countedMs = 0

  /** `lookMsMax`: whoever looks again later than this stood still as well, and holds no more against it. */
  constructor(pid: number | undefined, lookMsMax: number) {
    this.#pid = pid
    this.#lookMsMax = lookMsMax
    this.#threads = threadsOf(pid)
  }

  /** Since it is looked at; to be asked time and again. */
  look(): number {
    const nowMs = performance.now()
    const threads = threadsOf(this.#pid)
    const elapsedMs = Math.min(this.#lookMsMax, nowMs - this.#atMs)
    this.#countedMs += ownTimeOf(this.#threads, threads, elapsedMs)
    this.#threads = threads
    this.#atMs = nowMs
    return this.#countedMs
  }
}

function threadsOf(pid: number | undefined): Threads {
  const threads = new Map<string, ThreadTime>()
  if (pid === undefined) return threads
  const folder = `/proc/${pid}/task`
  try {
    for (const thread of readdirSync(folder)) {
      const times = readFileSync(`${folder}/${thread}/schedstat`, 'latin1').split(' ', 2)
      const [ran, waited] = times.map(Number) as [number, number]
      const wantsCore = processStatus(`${pid}/task/${thread}`)?.wantsCore ?? false
      threads.set(thread, { ran, waited, wantsCore })
    }
  } catch {
    // No /proc, or a thread has ended meanwhile: what was read counts.
  }
  return threads
}
