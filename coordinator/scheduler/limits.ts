/** How the driver of the scheduler waits and asks. */
export const leadingLimits = {
  /** Longer than any election: an append that is not back by then is not waited for. */
  appendTimeoutMs: 30_000,
  /** Between two looks at the clock. */
  waitMsMin: 1,
  waitMsMax: 60_000,
  /** Facts of hosts are looked at this often; deaths and returns are heard of at once. */
  hostsLookMs: 1_000,
  /** Before a scheduler that broke off in the middle of a turn at leading is begun anew. */
  restartMs: 100,
  /** A run that another does again is asked for so often, so far apart, before it counts as lost. */
  historyTriesMax: 20,
  historyRetryMs: 3_000,
} as const
