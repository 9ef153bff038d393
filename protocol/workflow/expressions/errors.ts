/**
 * What can be wrong with an expression. These errors never leave the folder as exceptions: its
 * functions answer with them as values, with the place in the source.
 */
export type SyntaxCode =
  | 'tooLong'
  | 'tooDeep'
  | 'badCharacter'
  | 'badNumber'
  | 'badText'
  | 'unexpected'
  | 'badMacro'
  | 'unsupported'

export type TypeCode =
  | 'unknownName'
  | 'unknownField'
  | 'unknownFunction'
  | 'wrongType'
  | 'badPattern'

export type EvaluationCode =
  | 'unknownName'
  | 'noSuchField'
  | 'noSuchKey'
  | 'outOfRange'
  | 'noOverload'
  | 'overflow'
  | 'divisionByZero'
  | 'badConversion'
  | 'badPattern'
  | 'tooCostly'
  | 'tooLong'
  | 'tooDeep'

export interface ExpressionMistake {
  readonly code: SyntaxCode | TypeCode | EvaluationCode
  /** Characters from the start of the source. */
  readonly at: number
  /** What is wrong, a clause without a full stop. */
  readonly why: string
  /** What to write instead, where that is known. */
  readonly hint?: string
}

/** Thrown inside the folder only. */
export class ExpressionFailure extends Error {
  readonly mistake: ExpressionMistake

  constructor(mistake: ExpressionMistake) {
    super(mistake.why)
    this.name = 'ExpressionFailure'
    this.mistake = mistake
  }
}

export function failure(
  code: ExpressionMistake['code'],
  at: number,
  why: string,
  hint?: string,
): ExpressionFailure {
  return new ExpressionFailure({ code, at, why, ...(hint === undefined ? {} : { hint }) })
}

/** Runs what may fail and gives the mistake as a value. What is a bug goes on as it is. */
export function attempt<T>(
  action: () => T,
): { ok: true; value: T } | { ok: false; mistake: ExpressionMistake } {
  try {
    return { ok: true, value: action() }
  } catch (error) {
    if (error instanceof ExpressionFailure) return { ok: false, mistake: error.mistake }
    throw error
  }
}
