/** How much of the past speaks for how likely an attempt succeeds. */
import { profileLimits } from '../profiles/limits.ts'

export const successLimits = {
  /** As of all that is said of work. */
  groundMin: profileLimits.groundMin,
  /** What similar work says counts as so many attempts. */
  doubt: 3,
  /** What was thirty attempts ago counts two fifths. */
  keep: 0.97,
  /** By which of two ways it is said, the last few hundred attempts decide. */
  keepLoss: 0.995,
  /** Newest attempts of which it is told how many succeeded. */
  lately: 10,
  /** Attempts of which is kept what was said of them before. */
  judgedMax: 2_048,
  /** So many of either kind must be among them, until chances are made to hold. */
  eachMin: 20,
  /** Share of them that it is made of, for it to be judged by the rest. */
  madeOf: 2 / 3,
  /** It is made anew after so many. */
  fitEvery: 32,
  /** Kinds of which something is kept, likely and unlikely ones. Beyond, those that are oldest go. */
  keysMax: profileLimits.attemptsMax,
} as const
