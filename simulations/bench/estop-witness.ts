/**
 * Sees when the pipes of hosts end, in a process and a session of its own: where the kernel shares
 * out cores between sessions, what is watched takes none from whoever watches. In the process of the
 * benchmark, an end was seen when that had its turn again, up to half a second later. Where it may, it
 * goes before all that has no deadline (`chrt`): sessions of others are many, and it is asleep until
 * there is something to see.
 *
 * As a program it is told, by its parent, of pipes to watch, and tells of each end when that was.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { monotonicMs } from './monotonic.ts'

interface Watched {
  host: string
  path: string
}
type Told = { open: true } | { host: string; endedMs: number; stillMs: number }

/** How often it looks whether it has its turn. */
const BEAT_MS = 5

export class Witness {
  private readonly child: ChildProcess
  /** When the last process of a host died, of those that are watched now. */
  private readonly endedMs = new Map<string, number>()
  private longestStillMs = 0
  private watched: readonly string[] = []
  private changed = Promise.withResolvers<void>()
  private opened = Promise.withResolvers<void>()

  constructor() {
    const [program = '', ...args] = [...first(), process.execPath, fileURLToPath(import.meta.url)]
    this.child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.child.on('message', (told) => this.hear(told as Told))
    this.child.once('exit', () => this.fail(new Error('the witness of the benchmark has ended')))
    this.opened.promise.catch(() => {})
    this.changed.promise.catch(() => {})
  }

  /** Instead of those before. Resolves when no end of theirs can be missed. */
  async watch(pipes: readonly Watched[]): Promise<void> {
    this.watched = pipes.map(({ host }) => host)
    this.endedMs.clear()
    this.longestStillMs = 0
    this.opened = Promise.withResolvers()
    this.child.send(pipes)
    await this.opened.promise
  }

  deadMs(host: string): number | undefined {
    return this.endedMs.get(host)
  }

  /** For how long it had no turn itself, at most, while it watched: it goes before all, so nobody had. */
  get stillMs(): number {
    return this.longestStillMs
  }

  /** Of those that are watched, hosts on which somebody is alive. */
  get inhabited(): string[] {
    return this.watched.filter((host) => !this.endedMs.has(host))
  }

  /** False when somebody on these hosts lives on after so long. */
  async allDead(hosts: readonly string[], deadlineMs: number): Promise<boolean> {
    const deadline = Promise.withResolvers<void>()
    const timer = setTimeout(deadline.resolve, deadlineMs)
    let isLate = false
    void deadline.promise.then(() => {
      isLate = true
    })
    const isOver = (): boolean => hosts.every((host) => this.endedMs.has(host))
    while (!isOver() && !isLate) await Promise.race([this.changed.promise, deadline.promise])
    clearTimeout(timer)
    return isOver()
  }

  close(): void {
    this.child.removeAllListeners('exit')
    this.child.disconnect()
  }

  private hear(told: Told): void {
    if ('open' in told) return this.opened.resolve()
    this.endedMs.set(told.host, told.endedMs)
    this.longestStillMs = Math.max(this.longestStillMs, told.stillMs)
    const { resolve } = this.changed
    this.changed = Promise.withResolvers()
    this.changed.promise.catch(() => {})
    resolve()
  }

  private fail(error: Error): void {
    this.opened.reject(error)
    this.changed.reject(error)
  }
}

/** What starts a program so that it goes before others; nothing where that is not allowed. */
function first(): string[] {
  const ahead = ['chrt', '--fifo', '1']
  const [program = '', ...args] = [...ahead, 'true']
  return spawnSync(program, args).status === 0 ? ahead : []
}

/** Since its last turn, beyond what it had asked for. */
class Beat {
  private lastMs = monotonicMs()
  private worstMs = 0

  begin(): void {
    this.lastMs = monotonicMs()
    this.worstMs = 0
  }

  look(): number {
    const nowMs = monotonicMs()
    this.worstMs = Math.max(this.worstMs, nowMs - this.lastMs - BEAT_MS)
    this.lastMs = nowMs
    return this.worstMs
  }
}

function watch({ host, path }: Watched, beat: Beat): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const socket = new Socket({ fd, readable: true, writable: false })
  socket.once('end', () => tell({ host, endedMs: monotonicMs(), stillMs: beat.look() }))
  socket.resume()
}

function tell(told: Told): void {
  process.send?.(told)
}

if (process.argv[1] === import.meta.filename) {
  process.once('disconnect', () => process.exit())
  const beat = new Beat()
  setInterval(() => beat.look(), BEAT_MS)
  process.on('message', (pipes: Watched[]) => {
    beat.begin()
    for (const pipe of pipes) watch(pipe, beat)
    tell({ open: true })
  })
}
