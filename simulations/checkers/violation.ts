/** What a checker says when a law is broken: a value, for whoever runs the history to tell. */

export interface Violation {
  /** The law, as a few words: `election safety`. */
  readonly checker: string
  /** One line: who did what that may not be. */
  readonly what: string
  /** What a person needs to see to believe it, a line each. */
  readonly lines: readonly string[]
}

export function violation(checker: string, what: string, lines: readonly string[] = []): Violation {
  return { checker, what, lines }
}
