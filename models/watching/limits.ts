/** When a host is warned of, and from how much of its past. */
import { assert } from '../../protocol/assert.ts'

export const trendLimits = {
  /** Means over equal times that a trend is looked for in. All pairs of them are looked at. */
  bucketsMax: 60,
  /** Share of them that must hold something: a host that was away has no trend. */
  filledMin: 0.75,
  /** Fewer are no ground. */
  pointsMin: 8,
  /** The share of them that is newest must go on rising, by so much of the whole rise: a step does not. */
  newestShare: 1 / 3,
  newestRiseMin: 0.5,
} as const

export const fillingLimits = {
  /** It is looked ahead as far as this many times the past that was looked at. */
  reach: 4,
  /** A rise of less than this share of the whole is no trend that matters. */
  riseMin: 0.01,
  /** Pasts that are looked at, of what may be full soon. */
  diskWindowsMs: [15 * 60_000, 3_600_000, 6 * 3_600_000, 24 * 3_600_000],
  /** Memory is filled by work that is at its beginning, too: the shortest past says nothing. */
  memoryWindowsMs: [3_600_000, 6 * 3_600_000, 24 * 3_600_000],
} as const

export const growthLimits = {
  windowsMs: [6 * 3_600_000, 24 * 3_600_000],
  /** Of what a program took at first, and in bytes: what it takes to come to rest is less. */
  riseShareMin: 0.25,
  riseBytesMin: 32 << 20,
} as const

export const seasonLimits = {
  /** Hours that are remembered: two weeks. */
  hoursMax: 14 * 24,
  /** Different days that must have such an hour, with such work, until anything is said. */
  daysMin: 3,
  /** Hours before and after that count as the same hour of the day. */
  hoursAside: 1,
  /** What is so many spreads above the usual is not usual. */
  spreadsMax: 6,
  /** And at least so much above it, as a share of the whole. */
  floor: { cpu: 0.25, memory: 0.15 },
  /** Kinds of load by work: none, one attempt, two or three, and so on up to this many. */
  classesMax: 6,
  /** The newest that is judged. */
  judgedMs: 10 * 60_000,
} as const

assert(
  trendLimits.bucketsMax * trendLimits.newestShare >= trendLimits.pointsMin,
  'a third is enough',
)
