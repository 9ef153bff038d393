/** How large a forest may grow, and how it is grown. Found on the shared traces, and not to one of them. */

export const treeLimits = {
  /** Steps into which a feature is cut, at most; one byte. */
  binsMax: 64,
  leavesMax: 16,
  /** Rows of a leaf: fewer say nothing of others. */
  leafRowsMin: 30,
  /** Of each quantile. */
  rounds: 70,
  /** What of a tree's answer is taken. */
  rate: 0.08,
  /** Shares of rows and features that each tree is shown. */
  rowShare: 0.5,
  featureShare: 0.5,
  /** Of fewer, nothing is grown. */
  rowsMin: 50,
  /** Rows that a forest is grown on, drawn by chance from all: with twice as many none was better. */
  grownRowsMax: 15_000,
  /** Rows of history that are gone through, the latest. */
  rowsMax: 60_000,
} as const
