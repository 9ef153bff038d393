/**
 * Carries attempts on from the moment when they are on record: let in, begun, stopped, ended, put on
 * record again, told, and forgotten once the leader has committed what came of them.
 */
import type { Cells } from '../../protocol/ports/cells.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { SecretFiles } from '../../protocol/ports/secret-files.ts'
import type { Workspace } from '../../protocol/ports/workspace.ts'
import type { Finished, Outcome } from '../../protocol/work/attempt.ts'
import { attemptKey } from '../../protocol/work/fence.ts'
import { workLimits } from '../../protocol/work/limits.ts'
import type { Lesson } from '../learning/lesson.ts'
import type { Executors } from './admission.ts'
import { type AttemptBook, type Left, overRecord } from './book.ts'
import type { AttemptArtifacts } from './files.ts'
import { type Held, isOver, newHeld } from './held.ts'
import { AttemptLife, outcomeOf } from './life.ts'
import { deskLimits } from './limits.ts'
import type { LogShelf } from './logs/log-shelf.ts'
import type { LogShipping } from './logs/log-shipping.ts'
import { Looking } from './looking.ts'
import type { Register } from './register.ts'
import type { Reports } from './reports.ts'
import type { SecretSource } from './secrets/source.ts'
import { Starts } from './starts.ts'
import type { RunningStep } from './steps/executor.ts'
import { lost } from './steps/exit-class.ts'
import { Sweeper } from './sweeper.ts'
import { fitting } from './texts.ts'
import type { Turnstile } from './turnstile.ts'

export interface ExecutionPorts {
  clock: Clock
  cells: Cells
  workspace: Workspace
  secretFiles: SecretFiles
  artifacts: AttemptArtifacts
  log: Log
}

export interface ExecutionParts {
  executors: Executors
  book: AttemptBook
  shelf: LogShelf
  shipping: LogShipping | undefined
  register: Register
  reports: Reports
  turnstile: Turnstile
}

/** Who is told what attempts were like. */
export interface Lessons {
  /** Share of the host's cores that are busy. */
  load(): number | undefined
  learn(lesson: Lesson): void
  /** `learn` has thrown. */
  notLearned(error: unknown): void
}

export class Execution {
  readonly #ports: ExecutionPorts
  readonly #parts: ExecutionParts
  readonly #secrets: () => SecretSource | undefined
  readonly #lessons: Lessons | undefined
  readonly #log: Log
  /** By task: the one that waits until an older attempt of the same is gone. */
  readonly #behind = new Map<string, Held>()
  readonly #sweeper: Sweeper
  /** Who waits for the end of one that has begun. */
  readonly #awaited = new Map<Held, (() => void)[]>()
  readonly #looking: Looking
  readonly #starts: Starts
  #stopped = false

  constructor(
    ports: ExecutionPorts,
    parts: ExecutionParts,
    secrets: () => SecretSource | undefined,
    lessons: Lessons | undefined,
  ) {
    this.#secrets = secrets
    this.#lessons = lessons
    this.#ports = ports
    this.#parts = parts
    this.#log = ports.log
    this.#sweeper = new Sweeper(ports, parts.register)
    this.#looking = new Looking(ports.clock, parts.register, parts.reports)
    this.#starts = new Starts(ports.clock, parts.book)
  }

  // ── Running ───────────────────────────────────────────────────────────────────────────────────

  /** Its record is synced: it begins when it is its turn. */
  queue(held: Held): void {
    held.stage = 'queued'
    if (held.verdict) this.#endUnbegun(held, held.verdict)
    else if (this.#parts.register.atWork(held.task).length > 1) this.#behind.set(held.task, held)
    else this.#parts.turnstile.queue(held)
  }

  admit(): void {
    if (this.#stopped) return
    for (const held of this.#parts.turnstile.admit()) {
      const life = this.#begin(held)
      held.load = this.#lessons?.load()
      if (life) void life.start()
    }
  }

  #begin(held: Held): AttemptLife | undefined {
    const { assignment, name, acceptedMs } = held
    const executor = assignment && this.#parts.executors[assignment.step.kind]
    if (!assignment || !executor || name === undefined) return undefined
    held.stage = 'begun'
    const log = this.#parts.shelf.open(name, held.id, held.fence)
    this.#parts.shipping?.begin()
    const { artifacts, secretFiles } = this.#ports
    const secrets = this.#secrets()
    const attempt = { name, assignment, acceptedMs, artifacts, secrets, secretFiles }
    const life = new AttemptLife(this.#ports.clock, executor, attempt, log, {
      onStart: (step) => this.#started(held, name, step),
      onEnd: (finished, cleaning) => this.#ended(held, name, finished, cleaning),
    })
    held.life = life
    this.#looking.begin()
    return life
  }

  #started(held: Held, name: string, step: RunningStep): void {
    this.#starts.add(held, name, step)
    const { unenforced } = step
    if (unenforced.length === 0) return
    const value = { unenforced: unenforced.slice(0, workLimits.unenforcedMax) }
    this.#parts.reports.say(held.id, held.fence, { kind: 'accepted', value })
  }

  // ── Stopping ──────────────────────────────────────────────────────────────────────────────────

  stop(held: Held, reason: string, atOnce: boolean): void {
    const short = fitting(reason, workLimits.reasonBytesMax)
    const verdict: Outcome = { kind: 'cancelled', value: { reason: short } }
    if (held.stage === 'recording') held.verdict = verdict
    else if (held.stage === 'queued') this.#endUnbegun(held, verdict)
    else if (held.stage === 'begun') held.life?.stop({ kind: 'cancelled', reason: short }, atOnce)
  }

  /** All that is meant, at once; see `WorkDesk.halt`. */
  async halt(
    isMeant: (run: string) => boolean,
    reason: string,
    mode: 'kill' | 'drain',
  ): Promise<number> {
    const meant = [...this.#parts.register.all()].filter(
      (held) => isMeant(held.id.run) && !isOver(held),
    )
    const begun = mode === 'kill' ? meant.filter(({ stage }) => stage === 'begun') : []
    const names = new Set(begun.flatMap(({ name }) => (name === undefined ? [] : [name])))
    // The kernel is told of all before anything is done for one of them.
    const gone = names.size === 0 ? undefined : this.#ports.cells.killAll(names)
    for (const held of meant) {
      if (held.stage !== 'begun' || mode === 'kill') this.stop(held, reason, true)
    }
    await gone
    await Promise.all(begun.map((held) => this.#ending(held)))
    return begun.length
  }

  #ending(held: Held): Promise<void> {
    if (held.stage !== 'begun') return Promise.resolve()
    return new Promise((resolve) => {
      this.#awaited.set(held, [...(this.#awaited.get(held) ?? []), resolve])
    })
  }

  /** Its result is in the ledger, or can never be. */
  committed(held: Held): void {
    held.unwanted = true
    if (held.stage === 'over') this.#forget(held)
    else if (!isOver(held)) this.stop(held, 'the leader wants no result of it', true)
  }

  /** What cannot go on without this agent is ended; with `all`, everything. */
  async close(all: boolean): Promise<void> {
    this.#stopped = true
    this.#looking.end()
    this.#starts.writeAll()
    this.#sweeper.stop()
    const ending: Held[] = []
    for (const held of this.#parts.register.all()) {
      const executor = held.assignment && this.#parts.executors[held.assignment.step.kind]
      if (held.stage !== 'begun' || !executor) continue
      const livesOn = executor.find !== undefined && held.life?.isBringingIn !== true
      if (livesOn && !all) continue
      held.life?.stop({ kind: 'agentStopped' }, true)
      ending.push(held)
    }
    await this.#settled(ending)
  }

  /** Their outcomes are written, or it takes too long. */
  async #settled(ending: readonly Held[]): Promise<void> {
    const { clock } = this.#ports
    const deadlineMs = clock.now() + deskLimits.closeMsMax
    const open = (): boolean => ending.some((held) => held.stage !== 'over' && !held.unwanted)
    while (open() && clock.now() < deadlineMs) {
      await new Promise<void>((resolve) => clock.after(deskLimits.closeLookMs, resolve))
    }
  }

  // ── Ending ────────────────────────────────────────────────────────────────────────────────────

  #endUnbegun(held: Held, outcome: Outcome): void {
    const { clock } = this.#ports
    if (!this.#parts.turnstile.leaveQueue(held)) this.#behind.delete(held.task)
    const queueMs = Math.max(0, Math.round(clock.now() - held.acceptedMs))
    this.#finish(held, { outcome, usage: { queueMs }, endedAtMs: clock.wall() })
  }

  #ended(held: Held, name: string, finished: Finished, cleaning: Promise<void> | undefined): void {
    this.#parts.turnstile.leave(held)
    this.#parts.shelf.close(name).catch(bug)
    if (cleaning) {
      cleaning.catch((error: unknown) => this.#sweeper.notRemoved(name, error))
      this.#sweeper.soon()
    }
    this.#finish(held, finished)
    this.admit()
  }

  #finish(held: Held, finished: Finished): void {
    held.stage = 'ending'
    for (const tell of this.#awaited.get(held) ?? []) tell()
    this.#awaited.delete(held)
    held.finished = finished
    this.#learn(held, finished)
    held.assignment = undefined
    held.life = undefined
    const next = this.#behind.get(held.task)
    if (next && this.#parts.register.atWork(held.task).length === 1) {
      this.#behind.delete(held.task)
      this.#parts.turnstile.queue(next)
      this.admit()
    }
    if (held.unwanted) return this.#forget(held)
    const { name } = held
    if (name === undefined) return this.over(held)
    const record = overRecord(held.id, held.fence, finished)
    held.finishedBytes = record.length
    this.#parts.book.over(name, record).then(
      () => this.over(held),
      (error: unknown) => {
        // The leader may still commit it; if the agent ends before that, the attempt is lost.
        const fields = { attempt: attemptKey(held.id), why: String(error) }
        this.#log.error('outcome not written down', fields)
        this.over(held)
      },
    )
  }

  #learn({ assignment, life, load }: Held, finished: Finished): void {
    if (assignment?.fingerprint === undefined) return
    try {
      const inputs = life?.broughtIn
      this.#lessons?.learn({
        assignment,
        finished,
        ...(load === undefined ? {} : { load }),
        ...(inputs === undefined ? {} : { inputs }),
      })
    } catch (error) {
      // The outcome is worth more than what it teaches.
      this.#lessons?.notLearned(error)
    }
  }

  /** Its outcome is synced, where it is on record at all. */
  over(held: Held): void {
    held.stage = 'over'
    if (held.unwanted) this.#forget(held)
    else this.#parts.reports.sayResult(held)
  }

  #forget(held: Held): void {
    this.#parts.reports.committed(held)
    if (held.name !== undefined) {
      this.#parts.book.forget(held.name)
      this.#parts.shipping?.forget(held.name)
    }
    this.#parts.register.forget(held)
  }

  // ── Beginning again ───────────────────────────────────────────────────────────────────────────

  /** Carries on with what an earlier life has left, and clears away what belongs to nothing. */
  async restore(all: readonly Left[]): Promise<void> {
    const now = this.#ports.clock.now()
    const lives: Promise<void>[] = []
    for (const left of all) {
      if (left.kind === 'over') {
        const { id, fence, finished, bytes } = left
        const rest = { finished, finishedBytes: bytes, stage: 'over' } as const
        const held = newHeld(id, fence, left.name, now, rest)
        this.#parts.register.add(held)
        this.#parts.reports.sayResult(held)
        continue
      }
      const { assignment, start, name } = left
      const held = newHeld(assignment.id, assignment.fence, name, now, { assignment })
      this.#parts.register.add(held)
      this.#parts.turnstile.enter(held)
      const life = this.#begin(held)
      if (life) lives.push(life.carryOn(start?.trace, start?.startedAtMs))
      else this.#lose(held)
    }
    // Before anybody is asked for secrets anew, which may take long.
    await this.#sweeper.clearSecretFiles()
    await Promise.all(lives)
    await this.#sweeper.sweepLeft()
    await this.#sweeper.clearDirectories()
  }

  /** Such steps were done here once, and are no more. */
  #lose(held: Held): void {
    this.#parts.turnstile.leave(held)
    const outcome = outcomeOf(lost('it can do no such steps any more'), undefined)
    this.#finish(held, { outcome, usage: {}, endedAtMs: this.#ports.clock.wall() })
  }
}

/** Nothing that is rejected there is expected to be. */
function bug(error: unknown): never {
  throw error
}
