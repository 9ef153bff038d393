/**
 * What work of each kind takes on each host, kept at hand at the leader: asked of the hosts in the
 * background, as runs with such work come and go on. Whoever places work takes what is here at that
 * moment, and never waits for it.
 */
import { type TaskTimes, timesByHost } from '../../models/profiles/by-host.ts'
import { levelsOf } from '../../models/profiles/levels.ts'
import type { AllTold } from '../../models/profiles/pooling.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { fingerprintOf } from '../../protocol/work/fingerprint.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import type { WorkTimes } from './core/core.ts'
import { knownTimesLimits } from './limits.ts'

interface Kind {
  readonly workflow: string
  readonly task: string
  usedMs: number
  /** Minus infinity: never. */
  askedMs: number
  times: TaskTimes | undefined
}

export interface KnownTimesParts {
  readonly clock: Clock
  readonly log: Log
  readonly telling: { gathered(keys: readonly string[]): Promise<AllTold> }
}

export class KnownTimes implements WorkTimes {
  readonly #parts: KnownTimesParts
  /** By workflow, then by task. */
  readonly #kinds = new Map<string, Map<string, Kind>>()
  #count = 0
  #timer: Timer | undefined
  #isAsking = false
  #isOver = false

  constructor(parts: KnownTimesParts) {
    this.#parts = parts
  }

  end(): void {
    this.#isOver = true
    this.#timer?.cancel()
  }

  /** Work of this workflow is about to be placed. */
  expect(workflow: Workflow): void {
    for (const stage of workflow.stages.slice(0, knownTimesLimits.expectedMax)) {
      const task = fingerprintOf(stage)
      if (task !== undefined) this.of(workflow.name, task)
    }
  }

  of(workflow: string, task: string): TaskTimes | undefined {
    const kind = this.#kinds.get(workflow)?.get(task) ?? this.#begin(workflow, task)
    kind.usedMs = this.#parts.clock.now()
    if (isStale(kind, kind.usedMs)) this.#askSoon()
    return kind.times
  }

  #begin(workflow: string, task: string): Kind {
    if (this.#count >= knownTimesLimits.kindsMax) this.#makeRoom()
    const never = Number.NEGATIVE_INFINITY
    const kind = { workflow, task, usedMs: never, askedMs: never, times: undefined }
    const tasks = this.#kinds.get(workflow) ?? new Map<string, Kind>()
    this.#kinds.set(workflow, tasks.set(task, kind))
    this.#count++
    return kind
  }

  #askSoon(): void {
    if (this.#isOver || this.#isAsking || this.#timer !== undefined) return
    this.#timer = this.#parts.clock.after(knownTimesLimits.askSoonMs, () => {
      this.#timer = undefined
      void this.#ask()
    })
  }

  async #ask(): Promise<void> {
    this.#isAsking = true
    const nowMs = this.#parts.clock.now()
    this.#forget(nowMs)
    const asked = this.#all()
      .filter((kind) => isStale(kind, nowMs))
      .slice(0, knownTimesLimits.kindsAskedMax)
    for (const kind of asked) kind.askedMs = nowMs
    try {
      const keys = asked.flatMap(({ workflow, task }) => levelsOf(workflow, task))
      const told = await this.#parts.telling.gathered(keys.map(({ key }) => key))
      for (const kind of asked) kind.times = timesByHost(kind.workflow, kind.task, told)
    } catch (error) {
      this.#parts.log.warn('what work takes could not be asked', { why: String(error) })
    } finally {
      this.#isAsking = false
    }
    if (asked.length === knownTimesLimits.kindsAskedMax) this.#askSoon()
  }

  #all(): Kind[] {
    return [...this.#kinds.values()].flatMap((tasks) => [...tasks.values()])
  }

  #forget(nowMs: number): void {
    for (const kind of this.#all()) {
      if (nowMs - kind.usedMs >= knownTimesLimits.forgetMs) this.#drop(kind)
    }
  }

  /** Many at once, as all are looked at for it. */
  #makeRoom(): void {
    const oldestFirst = this.#all().sort((a, b) => a.usedMs - b.usedMs)
    for (const kind of oldestFirst.slice(0, knownTimesLimits.droppedAtOnce)) this.#drop(kind)
  }

  #drop({ workflow, task }: Kind): void {
    const tasks = this.#kinds.get(workflow)
    if (tasks?.delete(task) === true) this.#count--
    if (tasks?.size === 0) this.#kinds.delete(workflow)
  }
}

function isStale({ askedMs, times }: Kind, nowMs: number): boolean {
  const { freshMs, unknownMs } = knownTimesLimits
  return nowMs - askedMs >= (times === undefined ? unknownMs : freshMs)
}
