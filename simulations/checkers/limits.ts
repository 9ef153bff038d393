/** How much of a history the checkers remember, and how long they search. */

export const checkerLimits = {
  /** Terms whose leader is remembered. When full, the oldest are forgotten: leaders of long ago. */
  termsKeptMax: 4_096,
  /**
   * Entries of the committed log that are kept to be compared with. When full, the oldest half is
   * folded into the chain; a host that applies so far behind is judged by its digest alone.
   */
  committedKeptMax: 1 << 18,
  /** Entries written to any log that are kept, by index. When full, the lowest half is forgotten. */
  appendedKeptMax: 1 << 18,
  /** Indices whose digest is kept. When full, the lowest half is forgotten. */
  digestsKeptMax: 1 << 16,
  /**
   * Committed entries that are looked for in the log of a new leader, the newest of them. What is
   * missing is missing from the end; that older ones agree then is what log matching is for.
   */
  completenessEntriesMax: 256,
  /** Serial numbers of a client whose answers are remembered: a bit each. More are a bug. */
  serialsMax: 1 << 24,
  /** Tries of the search for a linearization, for one history. When over: undecided. */
  searchStepsMax: 20_000_000,
  /** Tries to find the shortest history without an order, each. When over, a longer one is shown. */
  explanationStepsMax: 1_000_000,
  /** Operations shown of a history that has no linearization. */
  operationsShownMax: 16,
} as const

export const placementTimes = {
  /** From a drain in the ledger to the last assignment that was on its way then: as long as an append lasts. */
  drainedMs: 10_000,
} as const
