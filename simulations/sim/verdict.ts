/** What is said of a simulated history in the end. */

import { exitCodes } from '../../protocol/exit-codes.ts'
import { messageOf, stackOf } from '../../protocol/thrown.ts'
import { HappeningError } from '../world/event.ts'

/** `crash`: code threw where nothing handles it. */
export type FailureKind = 'crash' | 'safety' | 'liveness'

export interface Failure {
  readonly kind: FailureKind
  /** Which check found it. */
  readonly checker: string
  readonly what: string
  readonly lines: readonly string[]
  readonly atMs: number
}

export type Verdict = { readonly kind: 'passed' } | Failure

export const exitCodeOf: Readonly<Record<Verdict['kind'], number>> = {
  passed: exitCodes.done,
  crash: exitCodes.simulationCrash,
  safety: exitCodes.simulationSafety,
  liveness: exitCodes.simulationLiveness,
}

/** What a history comes to. `crashed` is told of whatever is thrown and nobody handles, at once. */
export async function verdictOf(
  history: () => Promise<Failure | undefined>,
  crashed: (error: unknown) => Failure,
): Promise<Verdict> {
  process.on('unhandledRejection', crashed)
  try {
    return (await history()) ?? { kind: 'passed' }
  } catch (error) {
    return crashed(error)
  } finally {
    process.off('unhandledRejection', crashed)
  }
}

export function crashOf(error: unknown, atMs: number): Failure {
  const cause = error instanceof HappeningError ? error.cause : error
  const stack = stackOf(cause)
  return {
    kind: 'crash',
    checker: 'nothing throws',
    what: messageOf(error),
    lines: stack.split('\n').slice(0, 8),
    atMs,
  }
}
