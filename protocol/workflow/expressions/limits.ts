/**
 * What an expression may cost, to read and to evaluate. Whoever exceeds one gets a typed error with
 * the figure in it; nothing is cut short in silence.
 */
export const expressionLimits = {
  /** Characters of one expression. */
  sourceLengthMax: 8 * 1024,
  /** Levels of the tree. Chains lean to the left and count: `a + b + c` has three. */
  depthMax: 128,
  /**
   * Steps of one evaluation. A step is one node visited, one element looked at, or so many
   * characters as `charactersPerStep` says.
   */
  stepsMax: 100_000,
  charactersPerStep: 64,
  /** Characters of a string that is made. */
  stringLengthMax: 256 * 1024,
  /** Elements of a list, or entries of a map, that is made. */
  elementsMax: 16 * 1024,
  /** Levels of a value that is compared or written as text: those from outside may be deep. */
  valueDepthMax: 64,
  /** Characters of a pattern, and states of the machine that it becomes. */
  patternLengthMax: 1_000,
  patternStatesMax: 2_000,
  /** `a{1000}` is the most that can be asked for, as in RE2. */
  patternRepeatMax: 1_000,
  patternDepthMax: 32,
} as const

export type EvaluationLimits = Pick<
  { readonly [K in keyof typeof expressionLimits]: number },
  'stepsMax' | 'stringLengthMax' | 'elementsMax'
>
