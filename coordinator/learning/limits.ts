/** How patient whoever leads is with what hosts learn together. */

export const learningLimits = {
  /** How often a leader looks whether there is anything to do. */
  lookMs: 1_000,
  /** Between two times that hosts are asked how versions do, while one is on trial, and else. */
  trialMs: 10_000,
  activeMs: 60_000,
  /** For one write to be committed. */
  appendMs: 4_000,
} as const
