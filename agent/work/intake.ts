/**
 * Takes assignments in: each is on the disk, synced, before anything of it begins. What takes no
 * time and has no effect is not written down: its end follows from the assignment, which the ledger
 * has, so that a life of the agent which has forgotten it is sent it again, and says the same.
 */
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Assignment, Finished, Outcome } from '../../protocol/work/attempt.ts'
import { attemptKey } from '../../protocol/work/fence.ts'
import { type AttemptBook, takenRecord } from './book.ts'
import type { Execution } from './execution.ts'
import { type Held, newHeld } from './held.ts'
import { outcomeOf } from './life.ts'
import type { Register } from './register.ts'
import type { Reports } from './reports.ts'
import type { StepEnd } from './steps/executor.ts'
import { attemptName } from './sweeper.ts'
import { fitting } from './texts.ts'

/** An assignment that has been found fit, and its end where it takes no time. */
export interface Fit {
  assignment: Assignment
  end: StepEnd | undefined
}

export interface IntakeParts {
  book: AttemptBook
  register: Register
  reports: Reports
  execution: Execution
}

export class Intake {
  readonly #clock: Clock
  readonly #log: Log
  readonly #parts: IntakeParts
  /** Taken, and their records not synced yet. */
  readonly recording = { count: 0, bytes: 0 }
  #named = 0

  constructor(ports: { clock: Clock; log: Log }, parts: IntakeParts) {
    this.#clock = ports.clock
    this.#log = ports.log
    this.#parts = parts
  }

  /** All of them have been found fit, and none is known. */
  take(fit: readonly Fit[]): void {
    const acceptedMs = this.#clock.now()
    const acceptedAtMs = this.#clock.wall()
    const taken: { name: string; record: Uint8Array; held: Held }[] = []
    for (const { assignment, end } of fit) {
      if (end) {
        this.#takeDone(assignment, end)
        continue
      }
      const name = this.#nextName()
      const record = takenRecord(assignment, acceptedAtMs)
      const { id, fence } = assignment
      const bytes = record.length
      const held = newHeld(id, fence, name, acceptedMs, { assignment, bytes })
      taken.push({ name, record, held })
      this.recording.count++
      this.recording.bytes += bytes
      this.#overtake(held)
      this.#parts.register.add(held)
    }
    if (taken.length === 0) return
    this.#parts.book.taken(taken).then(
      () => {
        for (const { held } of taken) this.#recorded(held)
        this.#parts.execution.admit()
      },
      (error: unknown) => {
        for (const { held } of taken) this.#notRecorded(held, error)
      },
    )
  }

  #takeDone({ id, fence }: Assignment, end: StepEnd): void {
    const clock = this.#clock
    const outcome = outcomeOf(end, undefined)
    const finished: Finished = {
      outcome,
      usage: { queueMs: 0, wallMs: 0 },
      endedAtMs: clock.wall(),
    }
    const rest = { finished, finishedBytes: bytesOf(outcome), stage: 'ending' } as const
    const held = newHeld(id, fence, undefined, clock.now(), rest)
    this.#overtake(held)
    this.#parts.register.add(held)
    this.#parts.execution.over(held)
  }

  /** What is older of the same task has no say any more, and is to be gone before this begins. */
  #overtake(held: Held): void {
    for (const older of this.#parts.register.atWork(held.task)) {
      this.#parts.execution.stop(older, 'a newer attempt of the same stage was assigned', true)
    }
  }

  #recorded(held: Held): void {
    this.recording.count--
    this.recording.bytes -= held.bytes
    this.#parts.reports.sayTaken(held)
    this.#parts.execution.queue(held)
  }

  #notRecorded(held: Held, error: unknown): void {
    this.recording.count--
    this.recording.bytes -= held.bytes
    this.#refuse(held, error)
  }

  #refuse(held: Held, error: unknown): void {
    const message = fitting(`its disk takes no record: ${String(error)}`, 1_024)
    this.#log.error('assignment not written down', { attempt: attemptKey(held.id), message })
    this.#parts.register.forget(held)
    const value = { code: 'diskFailed', message } as const
    this.#parts.reports.say(held.id, held.fence, { kind: 'refused', value })
  }

  #nextName(): string {
    return attemptName(this.#parts.book.life, ++this.#named)
  }
}

/** Beside what it says: who it is, under which fence, times and envelopes. */
const restBytes = 256
const bytesPerCharacter = 3

/** Not less than it takes when it is encoded. */
function bytesOf(outcome: Outcome): number {
  switch (outcome.kind) {
    case 'succeeded':
      return restBytes + sizeOf(outcome.value.outputs ?? '')
    case 'failed':
      return restBytes + sizeOf(outcome.value.message)
    default:
      return restBytes
  }
}

/** Exact where it matters: of a long text. */
function sizeOf(text: string): number {
  return text.length < restBytes ? text.length * bytesPerCharacter : Buffer.byteLength(text)
}
