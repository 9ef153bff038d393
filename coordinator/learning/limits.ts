/** How patient whoever leads is with what hosts learn together. */

export const learningLimits = {
  /** For one write to be committed. */
  appendMs: 4_000,
} as const
