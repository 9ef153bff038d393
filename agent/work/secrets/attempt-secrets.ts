/**
 * The secrets of one attempt: opened for it alone when it begins, given to its step as variables and
 * files, and taken out of all that it says. They are in memory only, and are opened anew in the
 * agent's next life; an attempt whose secrets cannot be opened then goes on, and what it writes is
 * not kept.
 */
import type { SecretFiles } from '../../../protocol/ports/secret-files.ts'
import type { Assignment } from '../../../protocol/work/attempt.ts'
import { type StepEnd, StepFailure, type StepProgress } from '../steps/executor.ts'
import { formsOf, Masker, maskedText } from './masker.ts'
import { SecretFolder } from './secret-folder.ts'
import type { SecretSource } from './source.ts'
import { textOf, withoutLineEnd } from './values.ts'

export class AttemptSecrets {
  readonly folder: SecretFolder
  readonly #source: SecretSource | undefined
  readonly #assignment: Assignment
  #variables: Readonly<Record<string, string>> = {}
  #forms: readonly Uint8Array[] = []
  #masker: Masker | undefined
  #muted = false

  constructor(
    source: SecretSource | undefined,
    files: SecretFiles,
    { name, assignment }: { name: string; assignment: Assignment },
  ) {
    this.folder = new SecretFolder(files, name, Object.keys(assignment.secretFiles))
    this.#source = source
    this.#assignment = assignment
  }

  get isAny(): boolean {
    return Object.keys(this.#assignment.secrets).length > 0 || this.folder.isAny
  }

  /** By variable. */
  get variables(): Readonly<Record<string, string>> {
    return this.#variables
  }

  /** Rejects with `StepFailure`. */
  async open(signal: AbortSignal): Promise<void> {
    const why = await this.#open(signal)
    if (why !== undefined) throw why
  }

  /** For an attempt that runs already. */
  async openAgain(signal: AbortSignal): Promise<'opened' | 'muted'> {
    this.#muted = (await this.#open(signal)) !== undefined
    return this.#muted ? 'muted' : 'opened'
  }

  /** What may be kept of this. */
  masked(chunk: Uint8Array): Uint8Array {
    if (this.#muted) return new Uint8Array(0)
    return this.#masker?.push(chunk) ?? chunk
  }

  /** What was held back of what it has written, when it writes no more. */
  rest(): Uint8Array {
    return this.#masker?.end() ?? new Uint8Array(0)
  }

  maskedProgress(said: StepProgress): StepProgress {
    if (!this.isAny || said.note === undefined) return said
    return { ...said, note: this.#muted ? '***' : maskedText(this.#forms, said.note) }
  }

  maskedEnd(end: StepEnd): StepEnd {
    if (!this.isAny) return end
    if (end.kind === 'failed') {
      return { ...end, message: this.#muted ? '***' : maskedText(this.#forms, end.message) }
    }
    if (end.outputs === undefined) return end
    const outputs = this.#muted ? undefined : maskedText(this.#forms, end.outputs)
    if (outputs !== undefined && isJson(outputs)) return { ...end, outputs }
    const message = 'its outputs hold a secret; hand on no secret, but name it where it is needed'
    return { kind: 'failed', errorClass: 'input', code: 'badOutput', message }
  }

  async #open(signal: AbortSignal): Promise<StepFailure | undefined> {
    const { secrets, secretFiles, id } = this.#assignment
    const names = [...new Set([...Object.values(secrets), ...Object.values(secretFiles)])]
    const opened = await this.#source?.open(names, id, signal)
    if (opened === undefined) return new StepFailure('transient', 'secrets', 'it keeps no secrets')
    if (!opened.ok) return new StepFailure(opened.errorClass, 'secrets', opened.why)
    const { values } = opened
    this.#forms = formsOf(values.values())
    this.#masker = new Masker(this.#forms)
    this.folder.values = valuesOf(secretFiles, values)
    const texts = textsOf(valuesOf(secrets, values))
    if (texts instanceof StepFailure) return texts
    this.#variables = texts
    return undefined
  }
}

/** By variable. */
function valuesOf(
  names: Readonly<Record<string, string>>,
  values: ReadonlyMap<string, Uint8Array>,
): Map<string, Uint8Array> {
  return new Map(
    Object.entries(names).map(([variable, name]) => {
      return [variable, values.get(name) ?? new Uint8Array(0)]
    }),
  )
}

/** As variables hold them, or why one cannot. */
function textsOf(values: ReadonlyMap<string, Uint8Array>): Record<string, string> | StepFailure {
  const texts: Record<string, string> = {}
  for (const [variable, value] of values) {
    const text = textOf(withoutLineEnd(value))
    if (text === undefined) {
      const why = `the secret in ${variable} is no text, and no variable holds it; take it as a file: ${variable}: { name: …, as: file }`
      return new StepFailure('input', 'secrets', why)
    }
    texts[variable] = text
  }
  return texts
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
