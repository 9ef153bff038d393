/**
 * All logs that this agent keeps: of attempts that run, and of those that are over. The oldest of
 * the latter go when there are too many, when they take too much, or when they are too old.
 */
import type { Clock, Timer } from '../../../protocol/ports/clock.ts'
import { type Disk, type DiskOp, within } from '../../../protocol/ports/disk.ts'
import type { Log } from '../../../protocol/ports/log.ts'
import type { Workspace } from '../../../protocol/ports/workspace.ts'
import { decode, encode } from '../../../protocol/wire/codec.ts'
import {
  type AttemptId,
  attemptKey,
  compareFences,
  type Fence,
} from '../../../protocol/work/fence.ts'
import { logLimits } from '../limits.ts'
import type { Notebook } from '../notebook.ts'
import { LogRecord, logPrefix } from '../records.ts'
import { AttemptLog } from './attempt-log.ts'
import { attemptOfLog, type LogExtent, LogFiles } from './log-files.ts'

export interface ShelfPorts {
  clock: Clock
  disk: Disk
  workspace: Workspace
  log: Log
}

export interface ShelfSettings {
  logBytesMax: number
  logsBytesMax: number
  logsAgeMs: number
}

/** A piece of a log. What lies between two pieces was not kept. */
export interface LogPiece {
  at: number
  bytes: Uint8Array
}

interface Kept {
  name: string
  record: LogRecord
}

/** Of an attempt that runs. */
export interface OpenLog {
  readonly name: string
  readonly id: AttemptId
  readonly fence: Fence
  readonly log: AttemptLog
  readonly openedMs: number
}

export class LogShelf {
  readonly #ports: ShelfPorts
  readonly #settings: ShelfSettings
  readonly #notebook: Notebook
  readonly #log: Log
  /** In the order in which they ended. */
  readonly #kept = new Map<string, Kept>()
  readonly #open = new Map<string, OpenLog>()
  #keptBytes = 0
  #timer: Timer | undefined

  constructor(ports: ShelfPorts, settings: ShelfSettings, notebook: Notebook) {
    this.#ports = ports
    this.#settings = settings
    this.#notebook = notebook
    this.#log = ports.log.child('logs')
  }

  /** Of attempts that run. */
  openLogs(): Iterable<OpenLog> {
    return this.#open.values()
  }

  get keptBytes(): number {
    return this.#keptBytes
  }

  /** Reads what is kept, and removes what belongs to nobody. */
  async load(alive: ReadonlySet<string>): Promise<void> {
    const found: Kept[] = []
    for await (const [key, value] of this.#ports.disk.scan(within(logPrefix))) {
      const record = decode(LogRecord, value)
      if (record.ok) found.push({ name: key.slice(logPrefix.length), record: record.value })
    }
    found.sort((a, b) => a.record.endedAtMs - b.record.endedAtMs)
    for (const kept of found) this.#keep(kept)
    for (const directory of await this.#ports.workspace.directories()) {
      const name = attemptOfLog(directory)
      const wanted = name === undefined || alive.has(name) || this.#kept.has(name)
      if (!wanted) await this.#ports.workspace.discard(directory)
    }
    this.#trim()
    this.#timer = this.#ports.clock.every(logLimits.trimEveryMs, () => this.#trim())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  open(name: string, id: AttemptId, fence: Fence): AttemptLog {
    const files = new LogFiles(this.#ports.workspace, name)
    const log = new AttemptLog(this.#ports.clock, files, this.#settings.logBytesMax)
    log.onFailure = (why) => {
      this.#log.warn('log not kept whole', { attempt: attemptKey(id), why })
    }
    this.#open.set(name, { name, id, fence, log, openedMs: this.#ports.clock.now() })
    return log
  }

  /** The attempt is over: its log is put where it can be found. */
  async close(name: string): Promise<void> {
    const open = this.#open.get(name)
    if (open === undefined) return
    const extent = await open.log.close()
    if (extent.totalBytes > 0) {
      const { id, fence } = open
      const record = { id, fence, ...extent, endedAtMs: this.#ports.clock.wall() }
      this.#keep({ name, record })
      this.#note([{ put: logPrefix + name, value: encode(LogRecord, record) }])
      this.#trim()
    }
    this.#open.delete(name)
  }

  /**
   * The log of an attempt from one of its places on, and with `follow` all that comes until it is
   * over. Undefined when nothing is known of it here; of several tries under one number, the last.
   */
  /** More may come. */
  isOpen(id: AttemptId): boolean {
    return [...this.#open.values()].some((each) => isSame(each.id, id) && !each.log.closed)
  }

  read(
    id: AttemptId,
    options: { from: number; follow: boolean; signal: AbortSignal },
  ): AsyncIterable<LogPiece> | undefined {
    const open = newest([...this.#open.values()].filter((each) => isSame(each.id, id)))
    if (open) return this.#readOpen(open, options)
    const kept = newest(
      [...this.#kept.values()]
        .filter(({ record }) => isSame(record.id, id))
        .map(({ name, record }) => ({ name, record, fence: record.fence })),
    )
    return kept && this.#readKept(kept.name, kept.record, options.from)
  }

  async *#readOpen(
    { log, name }: OpenLog,
    { from, follow, signal }: { from: number; follow: boolean; signal: AbortSignal },
  ): AsyncIterable<LogPiece> {
    let at = from
    const files = new LogFiles(this.#ports.workspace, name)
    while (!signal.aborted) {
      at = nextKept(at, log.extent)
      const bytes = await (log.closed ? files.readAt(at, log.extent) : log.readAt(at))
      if (bytes.length > 0) yield { at, bytes }
      at += bytes.length
      if (at < log.totalBytes) {
        // The end has moved on meanwhile, or what was there is gone.
        if (bytes.length === 0 && log.closed) return
        continue
      }
      if (log.closed || !follow) return
      await log.changed(signal)
    }
  }

  async *#readKept(name: string, extent: LogExtent, from: number): AsyncIterable<LogPiece> {
    const files = new LogFiles(this.#ports.workspace, name)
    for (let at = nextKept(from, extent); at < extent.totalBytes; at = nextKept(at, extent)) {
      const bytes = await files.readAt(at, extent)
      // Gone since: the oldest go when there are too many.
      if (bytes.length === 0) return
      yield { at, bytes }
      at += bytes.length
    }
  }

  #keep(kept: Kept): void {
    this.#kept.set(kept.name, kept)
    this.#keptBytes += bytesOf(kept)
  }

  #trim(): void {
    const { logsBytesMax, logsAgeMs } = this.#settings
    const oldest = this.#ports.clock.wall() - logsAgeMs
    const gone: Kept[] = []
    for (const kept of this.#kept.values()) {
      const tooMany = this.#kept.size > logLimits.logsMax || this.#keptBytes > logsBytesMax
      if (!tooMany && kept.record.endedAtMs >= oldest) break
      this.#kept.delete(kept.name)
      this.#keptBytes -= bytesOf(kept)
      gone.push(kept)
    }
    if (gone.length > 0) void this.#discard(gone)
  }

  async #discard(gone: readonly Kept[]): Promise<void> {
    this.#note(gone.map(({ name }) => ({ del: logPrefix + name })))
    for (const { name } of gone) {
      await new LogFiles(this.#ports.workspace, name).discard().catch((error: unknown) => {
        this.#log.warn('old log not removed', { name, why: String(error) })
      })
    }
  }

  #note(ops: readonly DiskOp[]): void {
    this.#notebook.write(ops, { durable: false }).catch((error: unknown) => {
      this.#log.warn('list of logs not written', { why: String(error) })
    })
  }
}

/** This place, or the next that was kept. */
function nextKept(at: number, { headBytes, tailBytes, totalBytes }: LogExtent): number {
  return at < headBytes ? at : Math.max(at, totalBytes - tailBytes)
}

function isSame(a: AttemptId, b: AttemptId): boolean {
  return a.run === b.run && a.stage === b.stage && a.item === b.item && a.attempt === b.attempt
}

function bytesOf({ record }: Kept): number {
  return record.headBytes + record.tailBytes
}

function newest<T extends { fence: Fence }>(found: readonly T[]): T | undefined {
  return found.reduce<T | undefined>(
    (last, each) => (last && compareFences(last.fence, each.fence) > 0 ? last : each),
    undefined,
  )
}
