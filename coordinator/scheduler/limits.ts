/** How the driver of the scheduler waits and asks. */
export const leadingLimits = {
  /** Longer than any election: an append that is not back by then is not waited for. */
  appendTimeoutMs: 30_000,
  /**
   * How long agents may not know that results are committed, and of how many, while something may
   * still be said to them that carries it. Much shorter than they wait before they repeat a result.
   */
  committedWaitMs: 20,
  committedWaitMax: 256,
  /** Between two looks at the clock. */
  waitMsMin: 1,
  waitMsMax: 60_000,
  /** While work waits for a host or is placed, facts of hosts are no older; deaths and returns are heard of at once. */
  hostsLookMs: 1_000,
  /** While nothing is to be placed, they are looked at this often, should news of one have been missed. */
  hostsSeldomMs: 10_000,
  /** Before a scheduler that broke off in the middle of a turn at leading is begun anew. */
  restartMs: 100,
  /** A run that another does again is asked for so often, so far apart, before it counts as lost. */
  historyTriesMax: 20,
  historyRetryMs: 3_000,
} as const

/** How the leader keeps at hand what work takes. */
export const knownTimesLimits = {
  /** After that it is asked again, while such work goes on. */
  freshMs: 30_000,
  /** The same of work of which nothing was known: its first attempts end about now. */
  unknownMs: 5_000,
  /** So that the stages of one run are asked about at once. */
  askSoonMs: 20,
  /** At once, so that what is told is worked out within a few milliseconds; the others come next. */
  kindsAskedMax: 64,
  /** Stages of a new workflow that are asked about before the first of them is placed. */
  expectedMax: 64,
  /** For one that is beyond, those go that were needed longest ago. */
  kindsMax: 4_096,
  droppedAtOnce: 512,
  /** After that, what nobody needed is forgotten. */
  forgetMs: 10 * 60_000,
} as const

/** Events of attempts that take far too long; the rest is told by `runs explain` only. */
export const lateEvents = { perSecond: 1 / 3, burst: 20 } as const
