/**
 * The one interface between an attempt's life and what its step does. Whoever adds a kind of step
 * writes an executor; the life (its timeouts, its cancellation, its log, its result) is the same.
 */
import type { CellUsage } from '../../../protocol/ports/cells.ts'
import type { SecretReader } from '../../../protocol/ports/secret-files.ts'
import type { Assignment, HandedOn } from '../../../protocol/work/attempt.ts'
import type { AttemptStepKind } from '../../../protocol/work/step.ts'
import type { ErrorClass } from '../../../protocol/workflow/model.ts'

/** What is to be done, and where what it says goes. */
export interface StepOrder {
  /** This attempt's alone, in all lives of the agent: for cells and directories. */
  name: string
  assignment: Assignment
  /** Values of its secrets, by variable. For its environment alone, never for an argument. */
  secrets: Readonly<Record<string, string>>
  secretFiles: StepSecretFiles
  onOutput(chunk: Uint8Array): void
  /** A line of the agent's own in the attempt's log. */
  onNote(text: string): void
  files: StepFiles
}

/** What the agent keeps in an attempt's own directory, beside what the stage does there. */
export const OUTPUT_FILE = 'skein-output.json'
export const PROGRESS_FILE = 'skein-progress'
export const SCRIPT_FILE = 'skein-script'
export const ownFiles = [OUTPUT_FILE, PROGRESS_FILE, SCRIPT_FILE] as const

/** Files that other stages hand on, and those that the stage hands on itself. */
export interface StepFiles {
  /** There are some, or may come to be some: it needs a directory. */
  readonly isAny: boolean
  /** Before it begins: those of other stages, into its directory. Rejects with `StepFailure`. */
  bringIn(directory: string): Promise<void>
  /** When nothing of it is alive: how it has ended, with what it hands on. */
  handOn(directory: string, end: StepEnd): Promise<StepEnd>
}

/** Those of its secrets that it wants as files. They are removed when it has ended. */
export interface StepSecretFiles {
  /** Puts them where its step can read them; undefined: there are none. Rejects with `StepFailure`. */
  put(reader: SecretReader): Promise<string | undefined>
  /** The variables that hold their paths, for whom the folder is there. */
  variablesIn(folder: string | undefined): Record<string, string>
}

export type StepEnd =
  | { kind: 'succeeded'; outputs?: string; artifacts?: HandedOn }
  | {
      kind: 'failed'
      errorClass: ErrorClass
      code: string
      message: string
      exitCode?: number
      signal?: string
    }

export interface StepProgress {
  /** 0 to 1. */
  progress?: number
  note?: string
}

export interface RunningStep {
  /**
   * With the attempt's name, what finds it in the agent's next life; absent when that cannot. May
   * cost a little, the first time that it is asked for.
   */
  readonly trace?: string
  /** What was asked for and this host cannot hold it to. */
  readonly unenforced: readonly string[]
  /** Resolves when nothing of it is left, whatever has ended it. Never rejects. */
  ended(): Promise<StepEnd>
  /** Politely. What knows no polite end is killed. */
  askToEnd(): void
  kill(): void
  /** It is to write no more for now, or may again. */
  hold(held: boolean): void
  /** What it says of itself since the last time; undefined for nothing. Takes note of its usage. */
  look(): Promise<StepProgress | undefined>
  usage(): CellUsage
  /** Once it has ended: removes what it has left on the disk. */
  cleanUp?(): Promise<void>
}

export interface StepExecutor {
  readonly kind: AttemptStepKind
  /** Why this host cannot do it; undefined when it can. */
  check(assignment: Assignment): string | undefined
  /** Resolves once it runs. Rejects with `StepFailure`. */
  start(order: StepOrder): Promise<RunningStep>
  /** What an earlier life has started, if it lives or has said how it ended. */
  find?(order: StepOrder, trace: string | undefined): Promise<RunningStep | undefined>
  /**
   * For what takes no time, has no effect and can be done twice: its end, at once. Nothing of it is
   * written down, so it must come out the same whenever it is done.
   */
  instantly?(assignment: Assignment): StepEnd | undefined
}

/** It did not even start. */
export class StepFailure extends Error {
  readonly end: StepEnd
  constructor(errorClass: ErrorClass, code: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StepFailure'
    this.end = { kind: 'failed', errorClass, code, message }
  }
}
