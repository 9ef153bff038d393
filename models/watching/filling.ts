/** When something with an end, as a disk or memory, is full if it goes on; and what grows without end. */
import { fillingLimits, growthLimits } from './limits.ts'
import { risesBy, type Series, steadyRise } from './trend.ts'

export interface Filling {
  /** Until it is full, in the middle; it lies between the other two with nine chances in ten. */
  readonly fullInMs: number
  readonly soonestMs: number
  /** Infinite: the slope is hardly known. */
  readonly latestMs: number
  readonly bytesPerHour: number
  /** The past that says so. */
  readonly overMs: number
}

export interface Growth {
  readonly bytesPerHour: number
  readonly lowBytesPerHour: number
  readonly highBytesPerHour: number
  readonly overMs: number
}

const HOUR_MS = 3_600_000

/** `used`: how much of `totalBytes` was taken. Undefined where nothing says that it will be full. */
export function fillingOf(used: Series, totalBytes: number, overMs: number): Filling | undefined {
  const { reach, riseMin } = fillingLimits
  const freeBytes = Math.max(0, totalBytes - newestOf(used))
  // Less matters little, or is too far ahead to be looked at.
  const leastBytes = Math.max(riseMin * totalBytes, freeBytes / reach)
  const rise = totalBytes > 0 && risesBy(used, leastBytes) ? steadyRise(used) : undefined
  if (rise === undefined || rise.perMs * overMs < leastBytes) return undefined
  const fullInMs = freeBytes / rise.perMs
  return {
    fullInMs,
    soonestMs: freeBytes / rise.high,
    latestMs: freeBytes / rise.low,
    bytesPerHour: rise.perMs * HOUR_MS,
    overMs,
  }
}

/** Of what has no end but the host's, and ought to come to rest. */
export function growthOf(taken: Series, overMs: number): Growth | undefined {
  const { riseBytesMin, riseShareMin } = growthLimits
  const rise = risesBy(taken, riseBytesMin) ? steadyRise(taken) : undefined
  if (rise === undefined) return undefined
  const grownBytes = rise.perMs * overMs
  const atFirst = Math.max(0, newestOf(taken) - grownBytes)
  if (grownBytes < Math.max(riseBytesMin, riseShareMin * atFirst)) return undefined
  return {
    bytesPerHour: rise.perMs * HOUR_MS,
    lowBytesPerHour: rise.low * HOUR_MS,
    highBytesPerHour: rise.high * HOUR_MS,
    overMs,
  }
}

/** The middle of the last three: one wild point is not where it stands. */
function newestOf({ values }: Series): number {
  const last = values.slice(-3).sort((a, b) => a - b)
  return last[Math.floor((last.length - 1) / 2)] ?? 0
}
