/** How much of the past speaks, and from when on it is listened to. */
import { assert } from '../../protocol/assert.ts'

export const profileLimits = {
  /** Attempts of one kind that are remembered: the newest. What was long ago was another program. */
  attemptsPerKind: 256,
  /** Of all kinds. Beyond, those that ended first go. */
  attemptsMax: 20_000,
  /** Fewer are no ground to say anything. */
  groundMin: 5,
} as const

assert(
  profileLimits.groundMin <= profileLimits.attemptsPerKind,
  'what is remembered of a kind must be ground to speak on',
)
