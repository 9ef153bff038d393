/** How much of what has been seen is kept in mind. */

export const featureLimits = {
  /** Words of a fingerprint that are looked at. */
  wordsMax: 16,
  /** Latest attempts of each kind that are kept. */
  attemptsKept: 256,
  /** Of those on the very same inputs. */
  repeatsKept: 8,
  /** Kinds that are kept: tasks, words, applications. The one that was longest not seen goes. */
  kindsKept: 20_000,
} as const
