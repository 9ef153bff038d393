/** Whether an assignment is taken, and if not, why, in words that say what to do about it. */
import type { SecretFiles } from '../../protocol/ports/secret-files.ts'
import type { Assignment, Refused } from '../../protocol/work/attempt.ts'
import { workLimits } from '../../protocol/work/limits.ts'
import type { AttemptStepKind } from '../../protocol/work/step.ts'
import { deskLimits } from './limits.ts'
import type { Reports } from './reports.ts'
import type { DeskSettings } from './session.ts'
import type { StepExecutor } from './steps/executor.ts'
import { fitting } from './texts.ts'
import type { Turnstile } from './turnstile.ts'

export type Executors = Readonly<Partial<Record<AttemptStepKind, StepExecutor>>>

export class Admission {
  readonly #settings: DeskSettings
  readonly #secretFiles: Pick<SecretFiles, 'missing'>
  readonly #executors: Executors
  readonly #turnstile: Turnstile
  readonly #reports: Reports

  constructor(
    settings: DeskSettings,
    secretFiles: Pick<SecretFiles, 'missing'>,
    executors: Executors,
    turnstile: Turnstile,
    reports: Reports,
  ) {
    this.#settings = settings
    this.#secretFiles = secretFiles
    this.#executors = executors
    this.#turnstile = turnstile
    this.#reports = reports
  }

  /** Undefined when it may come in; `recording` others are on their way in. */
  refusal(
    assignment: Assignment,
    recording: { count: number; bytes: number },
  ): Refused | undefined {
    const missing = this.#missing(assignment)
    if (missing !== undefined) {
      return { code: 'unsupported', message: fitting(missing, workLimits.errorMessageBytesMax) }
    }
    if (this.#reports.full) {
      return busy('its results wait for a leader to commit them; it takes no more until then')
    }
    if (this.#turnstile.waiting + recording.count >= this.#settings.queueMax) {
      return busy(`${this.#settings.queueMax} attempts wait here already (work.queueMax)`)
    }
    if (this.#turnstile.waitingBytes + recording.bytes >= deskLimits.queueBytesMax) {
      return busy(`the attempts that wait here take ${deskLimits.queueBytesMax} bytes already`)
    }
    return undefined
  }

  #missing(assignment: Assignment): string | undefined {
    if (!this.#settings.enabled) return 'this agent runs no stages (work.enabled is false)'
    const executor = this.#executors[assignment.step.kind]
    if (executor === undefined) return `this agent cannot do ${assignment.step.kind} steps`
    const [file] = Object.values(assignment.secretFiles)
    const [secret = file] = Object.values(assignment.secrets)
    if (secret !== undefined && this.#settings.secrets?.() === undefined)
      return `this agent cannot fetch the secret ${secret}: it keeps none`
    const { missing } = this.#secretFiles
    if (file !== undefined && missing !== undefined)
      return `this agent gives no secret as a file, as the stage asks for ${file}: ${missing}`
    return executor.check(assignment) ?? this.#turnstile.neverFits(assignment.resources)
  }
}

function busy(message: string): Refused {
  return { code: 'busy', message }
}
