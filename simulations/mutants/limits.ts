/** How long a defect may stay hidden. */
export const mutantLimits = {
  nodes: 5,
  minutes: 10,
  /** Of one in which work is done: what goes wrong with it does so soon. */
  workMinutes: 2,
  /** Histories of the core alone that are as much work as one of whole agents. */
  historiesPerSeed: 25,
  /** A seed that computes for longer never ends: that is noticed as well. */
  seedMs: 60_000,
  lookMs: 5_000,
} as const
