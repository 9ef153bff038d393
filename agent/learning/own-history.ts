/**
 * What this host remembers of the attempts that have ended here: a row of each on its own disk, and
 * what rows of one kind come to, kept up to date in memory. Rows never leave the host.
 *
 * Work never waits for it: rows are written a little later, many at once and without a sync, and a
 * disk that takes none costs rows, never a stage.
 */

import { levelsOf } from '../../models/profiles/levels.ts'
import { profileLimits } from '../../models/profiles/limits.ts'
import {
  type Kind,
  type Past,
  type Plain,
  Profiles,
  type Told,
} from '../../models/profiles/profiles.ts'
import { Chances } from '../../models/success/chances.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Disk, DiskOp } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { stackOf } from '../../protocol/thrown.ts'
import { type Lesson, type OwnHost, type OwnRow, rowOf } from './lesson.ts'
import { learningLimits } from './limits.ts'
import { isSensible, putRow, rowKey, rowsPrefix, storedRows } from './rows.ts'

export interface OwnHistoryPorts {
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
}

/** What is meant by a purge; all of it where nothing is said. */
export interface PurgeFilter {
  /** What had ended by then. */
  readonly beforeMs?: number
  readonly task?: string
}

/** Hears of each attempt before it is remembered, and of what is forgotten. */
export interface HistoryFollower {
  /** `plain`: what history says of it, without it. */
  ended(row: OwnRow, plain: () => Plain): void
  purged(): void
}

export class OwnHistory {
  follower: HistoryFollower | undefined
  readonly #ports: OwnHistoryPorts
  readonly #host: () => OwnHost
  readonly #log: Log
  #profiles = new Profiles(profileLimits.attemptsMax)
  #chances = new Chances()
  #nextId = 1
  #isOpen = false
  #pending: DiskOp[] = []
  /** What the disk did not let go of: tried again with the next batch. */
  #undeleted: DiskOp[] = []
  #timer: Timer | undefined
  #writing: Promise<void> | undefined
  /** What is remembered is being made anew: what ends meanwhile waits. */
  #remaking: Promise<void> | undefined
  #ended: Lesson[] = []
  #isFailing = false
  #isPuzzled = false
  #lost = 0

  constructor(ports: OwnHistoryPorts, host: () => OwnHost) {
    this.#ports = ports
    this.#host = host
    this.#log = ports.log.child('learning')
  }

  /** Reads what earlier lives have written, and what is too much of it goes. */
  async start(): Promise<void> {
    const profiles = new Profiles(profileLimits.attemptsMax)
    const gone: DiskOp[] = []
    for await (const { key, id, row } of storedRows(this.#ports.disk)) {
      if (row === undefined) gone.push({ del: key })
      else {
        for (const old of profiles.add(pastOf(id, row))) gone.push({ del: rowKey(old.id) })
        this.#nextId = id + 1
      }
    }
    this.#profiles = profiles
    this.#chances = await this.#chancesOf(profiles)
    this.#isOpen = true
    for (const op of gone) this.#later(op)
  }

  /** What has ended is on the disk, where that takes it. */
  async stop(): Promise<void> {
    while (this.#remaking !== undefined) await this.#remaking
    this.#isOpen = false
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#written()
    if (this.#undeleted.length > 0) await this.#write()
  }

  /** Remembered from now on, though not across a crash within the next second. */
  learn(lesson: Lesson): void {
    if (!this.#isOpen) return
    if (this.#pending.length + this.#ended.length >= learningLimits.pendingMax) {
      this.#lost++
      return
    }
    if (this.#remaking === undefined) this.#remember(lesson)
    else this.#ended.push(lesson)
  }

  #remember(lesson: Lesson): void {
    const row = rowOf(lesson, this.#host())
    if (row === undefined || !isSensible(row)) return
    const { group, task } = row
    this.follower?.ended(row, () => this.#profiles.plain(group, task))
    const id = this.#nextId++
    this.#later(putRow(id, row))
    this.#chances.learn(row)
    for (const old of this.#profiles.add(pastOf(id, row))) {
      this.#later({ del: rowKey(old.id) })
      for (const { key } of levelsOf(old.group, old.task)) {
        if (!this.#profiles.has(key)) this.#chances.forget(key)
      }
    }
  }

  /** There was something to learn, and a mistake of our own kept it from being learned. */
  notLearned(error: unknown): void {
    this.#lost++
    if (this.#isPuzzled) return
    this.#isPuzzled = true
    this.#log.error('an attempt could not be learned from', { why: stackOf(error) })
  }

  // ── Reading ───────────────────────────────────────────────────────────────────────────────────

  /** Attempts that are remembered. */
  get size(): number {
    return this.#profiles.size
  }

  /** Attempts that were not, for want of room on the disk or of time, since the start. */
  get lost(): number {
    return this.#lost
  }

  told(key: string): Told | undefined {
    const told = this.#profiles.told(key)
    const chance = this.#chances.told(key)
    if (told === undefined || chance === undefined) return told
    const { share, lately } = chance
    return { ...told, chance: share, ...(lately.tried < told.tried ? { lately } : {}) }
  }

  /** What history says of a task, by the likest of it that there is ground for. */
  plain(group: string, task: string): Plain {
    return this.#profiles.plain(group, task)
  }

  kinds(): Kind[] {
    return this.#profiles.kinds()
  }

  /** As they are on the disk, in the order of their ends: for what learns from them on this host. */
  async *rows(): AsyncGenerator<OwnRow> {
    await this.#written()
    for await (const { row } of storedRows(this.#ports.disk)) if (row !== undefined) yield row
  }

  // ── Forgetting ────────────────────────────────────────────────────────────────────────────────

  /** Returns how many are gone, when they are gone from the disk. Rejects with `DiskError`. */
  async purge({ beforeMs = Number.POSITIVE_INFINITY, task }: PurgeFilter): Promise<number> {
    const isMeant = (row: Pick<OwnRow, 'endedMs' | 'task'>): boolean =>
      row.endedMs <= beforeMs && (task ?? row.task) === row.task
    const ids = new Set<number>()
    const unreadable: string[] = []
    // What is being written is found there, and so is what was forgotten here and not deleted there.
    await this.#writing
    for await (const { key, id, row } of storedRows(this.#ports.disk)) {
      if (row === undefined) unreadable.push(key)
      else if (isMeant(row)) ids.add(id)
    }
    for (const past of this.#profiles.past()) if (isMeant(past)) ids.add(past.id)
    const gone = new Set([...[...ids].map(rowKey), ...unreadable])
    // What waits to be written is not, and what began to be written meanwhile comes before this.
    this.#pending = this.#pending.filter((op) => !('put' in op && gone.has(op.put)))
    const ops = [...gone].map((key): DiskOp => ({ del: key }))
    if (ops.length > 0) await this.#ports.disk.write(ops, { durable: true })
    await this.#without(ids)
    // Also where nothing was left to delete: the last purge may have come no further.
    await this.#ports.disk.scrub(rowsPrefix)
    return ids.size
  }

  /** One after the other: each begins with what the one before has left. */
  async #without(ids: ReadonlySet<number>): Promise<void> {
    while (this.#remaking !== undefined) await this.#remaking
    this.#remaking = this.#remake(ids).finally(() => {
      this.#remaking = undefined
      for (const lesson of this.#ended.splice(0)) this.#remember(lesson)
    })
    await this.#remaking
  }

  async #remake(ids: ReadonlySet<number>): Promise<void> {
    const profiles = new Profiles(profileLimits.attemptsMax)
    await this.#inSlices(this.#profiles.past(), (past) => {
      if (!ids.has(past.id)) profiles.add(past)
    })
    const chances = await this.#chancesOf(profiles)
    this.#profiles = profiles
    this.#chances = chances
    this.follower?.purged()
  }

  async #chancesOf(profiles: Profiles): Promise<Chances> {
    const chances = new Chances()
    await this.#inSlices(profiles.past(), (past) => chances.recall(past))
    chances.fit()
    return chances
  }

  /** Between two of them whatever else waits has its turn. */
  async #inSlices(all: Iterable<Past>, take: (past: Past) => void): Promise<void> {
    let taken = 0
    for (const past of all) {
      if (taken === learningLimits.rowsAtOnce) {
        taken = 0
        await new Promise<void>((resolve) => this.#ports.clock.after(0, resolve))
      }
      take(past)
      taken++
    }
  }

  // ── Writing ───────────────────────────────────────────────────────────────────────────────────

  #later(op: DiskOp): void {
    this.#pending.push(op)
    if (this.#pending.length >= learningLimits.rowsPerBatch) void this.#write()
    else this.#timer ??= this.#ports.clock.after(learningLimits.flushMs, () => this.#write())
  }

  async #written(): Promise<void> {
    while (this.#pending.length > 0 || this.#writing !== undefined) await this.#write()
  }

  #write(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  async #writeAll(): Promise<void> {
    do {
      const waiting = this.#pending.splice(0, learningLimits.rowsPerBatch)
      const batch = [...this.#undeleted, ...waiting]
      if (batch.length === 0) return
      this.#undeleted = []
      try {
        await this.#ports.disk.write(batch, { durable: false })
        this.#isFailing = false
      } catch (error) {
        this.#failed(batch, error)
      }
    } while (this.#pending.length > 0)
  }

  #failed(batch: readonly DiskOp[], error: unknown): void {
    const deletions = batch.filter((op) => 'del' in op)
    this.#lost += batch.length - deletions.length
    // Of more, the next start takes care.
    this.#undeleted = deletions.slice(-learningLimits.undeletedMax)
    if (this.#isFailing) return
    this.#isFailing = true
    const why = String(error)
    this.#log.warn('what ends here is not remembered across a restart: the disk takes none', {
      why,
    })
  }
}

function pastOf(id: number, row: OwnRow): Past {
  const { group, task, startedMs, endedMs, ended, peakMemoryBytes } = row
  return {
    id,
    group,
    task,
    endedMs,
    tookMs: endedMs - startedMs,
    ended,
    ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
  }
}
