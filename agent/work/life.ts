/**
 * The life of one attempt, from its start to the moment when nothing of it is left: what it says,
 * how long it may take, and how it is stopped. The same for every kind of step.
 *
 * Invariant: `onEnd` is called once, and after it nothing that the attempt has started is alive.
 */
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { SecretFiles } from '../../protocol/ports/secret-files.ts'
import { WorkspaceError } from '../../protocol/ports/workspace.ts'
import type {
  Assignment,
  AttemptTimeout,
  Finished,
  Outcome,
  Running,
  Usage,
} from '../../protocol/work/attempt.ts'
import { workLimits } from '../../protocol/work/limits.ts'
import { type AttemptArtifacts, AttemptFiles, type BroughtIn } from './files.ts'
import { stepLimits } from './limits.ts'
import type { AttemptLog } from './logs/attempt-log.ts'
import { AttemptSecrets } from './secrets/attempt-secrets.ts'
import type { SecretSource } from './secrets/source.ts'
import {
  type RunningStep,
  type StepEnd,
  type StepExecutor,
  StepFailure,
  type StepOrder,
  type StepProgress,
} from './steps/executor.ts'
import { lost } from './steps/exit-class.ts'
import { givenUp } from './steps/given-up.ts'
import { fitting } from './texts.ts'

export type Stop =
  | { kind: 'cancelled'; reason: string }
  | { kind: 'timedOut'; which: AttemptTimeout; afterMs: number }
  | { kind: 'agentStopped' }

export interface LivingAttempt {
  name: string
  assignment: Assignment
  acceptedMs: number
  /** Moves files for it. */
  artifacts: AttemptArtifacts
  /** Opens its secrets. */
  secrets: SecretSource | undefined
  /** Where those of them lie that it wants as files. */
  secretFiles: SecretFiles
}

export interface LifeEvents {
  onStart(step: RunningStep): void
  /** `cleaning` resolves when nothing is left on the disk either. */
  onEnd(finished: Finished, cleaning: Promise<void> | undefined): void
}

export class AttemptLife {
  readonly #clock: Clock
  readonly #executor: StepExecutor
  #order: StepOrder
  readonly #secrets: AttemptSecrets
  readonly #files: AttemptFiles
  readonly #log: AttemptLog
  readonly #events: LifeEvents
  readonly #acceptedMs: number
  #step: RunningStep | undefined
  #stop: Stop | undefined
  #atOnce = false
  /** Aborted when it is to stop, for what is under way before and after its step. */
  readonly #stopping = new AbortController()
  /** Before these: queued, and being started. */
  #beganMs = 0
  #startedMs = 0
  #startedAtMs: number | undefined
  #signMs = 0
  #said: StepProgress = {}
  #isHandingOn = false
  #isTimed = false
  readonly #timers = new Set<Timer>()

  constructor(
    clock: Clock,
    executor: StepExecutor,
    attempt: LivingAttempt,
    log: AttemptLog,
    events: LifeEvents,
  ) {
    this.#clock = clock
    this.#executor = executor
    this.#acceptedMs = attempt.acceptedMs
    this.#log = log
    this.#events = events
    const { name, assignment } = attempt
    const onNote = (text: string): void => log.note(text)
    const { signal } = this.#stopping
    const onHandOn = (): void => {
      this.#isHandingOn = true
    }
    this.#files = new AttemptFiles(attempt.artifacts, assignment, { signal, onNote, onHandOn })
    this.#secrets = new AttemptSecrets(attempt.secrets, attempt.secretFiles, attempt)
    this.#order = {
      name,
      assignment,
      secrets: {},
      secretFiles: this.#secrets.folder,
      files: this.#files,
      onOutput: (chunk) => {
        this.#signMs = clock.now()
        log.append(this.#secrets.masked(chunk))
      },
      onNote,
    }
  }

  get running(): boolean {
    return this.#step !== undefined
  }

  /** Nothing that it still says of itself counts. */
  get isKilled(): boolean {
    return this.#stop !== undefined && this.#atOnce
  }

  /** It waits for files of others, and can wait elsewhere as well. */
  get isBringingIn(): boolean {
    return this.#files.isBringingIn
  }

  /** Undefined where it asks for none, or another life of the agent has fetched them. */
  get broughtIn(): BroughtIn | undefined {
    return this.#files.broughtIn
  }

  get news(): Running {
    const now = this.#clock.now()
    return {
      ...this.#said,
      forMs: wholeMs(now - this.#startedMs),
      silentMs: wholeMs(now - this.#signMs),
    }
  }

  async start(): Promise<void> {
    this.#beganMs = this.#clock.now()
    this.#startedMs = this.#beganMs
    if (this.#order.assignment.artifactsFrom.length > 0) this.#limitTime(this.#beganMs)
    try {
      if (this.#secrets.isAny) {
        await this.#secrets.open(this.#stopping.signal)
        // Asked to stop meanwhile, it does not begin after all.
        if (this.#stop) return this.#end(givenUp)
        this.#order = { ...this.#order, secrets: this.#secrets.variables }
      }
      const step = await this.#executor.start(this.#order)
      this.#startedMs = this.#clock.now()
      this.#live(step, this.#clock.wall())
    } catch (error) {
      this.#end(endOfStart(error))
    }
  }

  /** Goes on with what an earlier life of the agent has started, or tells that it is lost. */
  async carryOn(trace: string | undefined, startedAtMs: number | undefined): Promise<void> {
    // The calendar alone spans two lives. Where it was set back, the attempt has only just begun.
    const ranMs = Math.max(0, this.#clock.wall() - (startedAtMs ?? this.#clock.wall()))
    this.#beganMs = this.#clock.now() - ranMs
    this.#startedMs = this.#beganMs
    await this.#log.resume()
    if (this.#secrets.isAny) await this.#openAgain()
    const found = await this.#executor.find?.(this.#order, trace)
    if (found) this.#live(found, startedAtMs ?? this.#clock.wall())
    else this.#end(lost('what it had started is gone'))
  }

  async #openAgain(): Promise<void> {
    if ((await this.#secrets.openAgain(this.#stopping.signal)) === 'opened') return
    this.#log.note('its secrets cannot be opened anew: what it writes from here on is not kept')
  }

  /** What was asked first is what is told; `atOnce` can be added to it later. */
  stop(stop: Stop, atOnce: boolean): void {
    this.#stop ??= stop
    this.#atOnce ||= atOnce
    this.#stopping.abort()
    if (this.#step) this.#bringToEnd(this.#step)
  }

  /** Takes note of its progress. True when it has said something new. */
  async look(): Promise<boolean> {
    const said = await this.#step?.look()
    if (said === undefined) return false
    this.#signMs = this.#clock.now()
    this.#said = { ...this.#said, ...this.#secrets.maskedProgress(said) }
    return said.note !== undefined || said.progress !== undefined
  }

  #live(step: RunningStep, startedAtMs: number): void {
    this.#step = step
    this.#startedAtMs = startedAtMs
    this.#signMs = this.#clock.now()
    this.#log.onPressure = (held) => step.hold(held)
    for (const limit of step.unenforced) {
      this.#log.note(`this host cannot hold the stage to its limit of ${limit}`)
    }
    this.#events.onStart(step)
    this.#limitTime(this.#startedMs)
    const { heartbeatMs } = this.#order.assignment.timeouts
    if (heartbeatMs !== undefined) this.#listen(heartbeatMs)
    if (this.#stop) this.#bringToEnd(step)
    step.ended().then((end) => this.#end(end), failed)
  }

  /** Bringing its files in counts, and so does taking those in that it hands on. */
  #limitTime(fromMs: number): void {
    const { startToCloseMs } = this.#order.assignment.timeouts
    if (startToCloseMs === undefined || this.#isTimed) return
    this.#isTimed = true
    this.#after(fromMs + startToCloseMs - this.#clock.now(), () => {
      this.#log.note(`it has taken longer than ${startToCloseMs} ms: it is ended`)
      this.stop({ kind: 'timedOut', which: 'startToClose', afterMs: startToCloseMs }, false)
    })
  }

  #listen(heartbeatMs: number): void {
    this.#after(this.#signMs + heartbeatMs - this.#clock.now(), () => {
      // It may have written of its progress since somebody last looked.
      this.look().then(() => {
        if (this.#stop || this.#isHandingOn) return
        const silentMs = this.#clock.now() - this.#signMs
        if (silentMs < heartbeatMs) return this.#listen(heartbeatMs)
        this.#log.note(`it has been silent for ${heartbeatMs} ms: it is ended`)
        this.stop({ kind: 'timedOut', which: 'heartbeat', afterMs: heartbeatMs }, false)
      }, failed)
    })
  }

  #bringToEnd(step: RunningStep): void {
    const { graceMs = stepLimits.graceMs } = this.#order.assignment.timeouts
    if (this.#atOnce || graceMs === 0) return step.kill()
    step.askToEnd()
    this.#after(graceMs, () => step.kill())
  }

  #end(end: StepEnd): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#log.append(this.#secrets.rest())
    const logTail = this.#log.lastText()
    const finished: Finished = {
      outcome: outcomeOf(this.#secrets.maskedEnd(end), this.#stop),
      usage: this.#usage(),
      endedAtMs: this.#clock.wall(),
      ...(this.#startedAtMs === undefined ? {} : { startedAtMs: this.#startedAtMs }),
      ...(logTail === undefined ? {} : { logTail }),
    }
    const step = this.#step
    this.#step = undefined
    const cleanUp = (): Promise<void> | undefined => step?.cleanUp?.()
    const removal = this.#secrets.folder.remove()
    if (removal === undefined) return this.#events.onEnd(finished, cleanUp())
    removal.then(
      () => this.#events.onEnd(finished, cleanUp()),
      (error: unknown) => this.#events.onEnd(finished, failing(cleanUp(), error)),
    )
  }

  #usage(): Usage {
    const now = this.#clock.now()
    const taken = Object.entries(this.#step?.usage() ?? {}) as [string, number][]
    return {
      ...Object.fromEntries(taken.map(([name, value]) => [name, wholeMs(value)])),
      queueMs: wholeMs(this.#beganMs - this.#acceptedMs),
      startMs: wholeMs(this.#startedMs - this.#beganMs),
      wallMs: wholeMs(now - this.#startedMs),
      logBytes: this.#log.totalBytes,
    }
  }

  #after(delayMs: number, call: () => void): void {
    const timer = this.#clock.after(Math.max(0, delayMs), () => {
      this.#timers.delete(timer)
      call()
    })
    this.#timers.add(timer)
  }
}

/** What could not be removed is told when all else is. */
async function failing(cleaning: Promise<void> | undefined, error: unknown): Promise<void> {
  await cleaning
  throw error
}

/** How it is told that an attempt ended so, after it was asked to stop for this. */
export function outcomeOf(end: StepEnd, stop: Stop | undefined): Outcome {
  if (stop?.kind === 'cancelled') {
    const reason = fitting(stop.reason, workLimits.reasonBytesMax)
    return { kind: 'cancelled', value: { reason } }
  }
  if (stop?.kind === 'timedOut') {
    return { kind: 'timedOut', value: { which: stop.which, afterMs: stop.afterMs } }
  }
  const told = stop ? givenUp : end
  if (told.kind === 'succeeded') {
    const { kind, ...value } = told
    return { kind, value }
  }
  const { kind, message, ...failure } = told
  return {
    kind,
    value: { ...failure, message: fitting(message, workLimits.errorMessageBytesMax) },
  }
}

function endOfStart(error: unknown): StepEnd {
  if (error instanceof StepFailure) return error.end
  if (!(error instanceof WorkspaceError)) throw error
  const errorClass = error.code === 'full' ? 'resource' : 'transient'
  return { kind: 'failed', errorClass, code: 'directory', message: error.message }
}

/** A bug: nothing that is rejected here is expected to be. It ends the agent, as any bug does. */
function failed(error: unknown): never {
  throw error
}

/** Whole and not below 0, as the wire has figures. */
function wholeMs(value: number): number {
  return Math.max(0, Math.round(value))
}
