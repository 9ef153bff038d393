/**
 * A refusal to a person: what is wrong and what to do next, and nothing of our insides. It ends a
 * command or an agent with its exit code and without a stack trace; a bug is an `AssertionFailed`
 * instead, and shows its stack.
 */
import type { ExitCode } from './exit-codes.ts'

export interface ProblemParts {
  /** Stable, documented, camelCase: `portTaken`. */
  code: string
  /** What is wrong and where, as one clause without a full stop. */
  why: string
  /** What to do next, as one clause without a full stop. */
  fix: string
  exitCode: ExitCode
}

export class Problem extends Error implements ProblemParts {
  readonly code: string
  readonly why: string
  readonly fix: string
  readonly exitCode: ExitCode

  constructor(parts: ProblemParts, cause?: unknown) {
    super(`${parts.why}; ${parts.fix}`, cause === undefined ? undefined : { cause })
    this.name = 'Problem'
    this.code = parts.code
    this.why = parts.why
    this.fix = parts.fix
    this.exitCode = parts.exitCode
  }
}
