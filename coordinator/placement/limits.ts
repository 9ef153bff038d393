/** What bounds placement, and the few figures that its heuristics stand on. */
export const placementLimits = {
  /**
   * Attempts at once on a host that does not say how many it takes. Stages that say what they need
   * are bounded by that; this bounds those that do not.
   */
  attemptsMaxDefault: 512,
  /**
   * Hosts that are compared for one choice. In a larger mesh, so many of those that could take it
   * are looked at, beginning anywhere: the best of a hundred is nearly the best of all.
   */
  candidatesMax: 100,
  /** Steps of one expression on one host. */
  expressionStepsMax: 1_000,
} as const

export const heuristics = {
  /** Load that is older than so many intervals of its host says nothing any more. */
  loadStaleIntervals: 10,
  /** Busy share that is taken for granted of a host whose load is not known. */
  loadAssumed: 0.5,
  /** Artifacts of this size, or larger, count in full; smaller ones in proportion. */
  localityBytesFull: 64 * 1024 * 1024,
  /** For estimates of a transfer between hosts: a gigabit a second. */
  transferBytesPerSecond: 125_000_000,
  /** Busy share of its cores by which a host that is near may exceed others. Less than one. */
  nearWorth: 0.5,
  /** How long a stage takes of which nothing is known, where a comparison needs a figure. */
  expectedAssumedMs: 1_000,
} as const
