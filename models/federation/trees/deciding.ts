/**
 * Whether hosts are better off with more trees, by what each says of its own rows. A tree is added to a
 * forest for good, so the question is a harder one than of a net's step: who lies may praise what harms
 * others, and so those who gain most are not counted; and what one loses counts no more than what the
 * best of the others gains, so that no word is without bounds. And it has to be more than chance gives:
 * what little rows a host holds back have it say now more, now less, and by how much is seen of how
 * far hosts are from each other.
 */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import { median } from '../../measures/quantiles.ts'
import { advantage, type Losses, sharesOf } from '../rounds/votes.ts'
import { treesLimits } from './limits.ts'

/**
 * Whether they gain, also without those who gain most, and clearly: host by host, without those who say
 * so or the opposite most, by more than what the mean of as many strays by.
 */
export function isGain(before: Losses, after: Losses, liarsMax: number): boolean {
  const least = treesLimits.gainStrays * strayOf(before, after)
  return gainOf(before, after, liarsMax) > 0 && advantage(after, before, liarsMax) > least
}

/**
 * How far the mean of what hosts gain may lie from what it would be over all their rows ever: the more
 * hosts and the more rows each has, the less. By the middle of how far they lie from the middle, so
 * that fewer than half of them cannot make it large. One alone says nothing of it.
 */
export function strayOf(before: Losses, after: Losses): number {
  const gains = [...sharesOf(after, before).values()]
  if (gains.length < 2) return 0
  const middle = median(gains)
  const away = median(gains.map((gain) => Math.abs(gain - middle)))
  return (deviationsOfMiddle * away) / Math.sqrt(gains.length)
}

/** Of a normal distribution the standard deviation is so many times the middle deviation. */
const deviationsOfMiddle = 1.4826

/** Mean of what hosts gain, without the `liarsMax` who gain most. */
export function gainOf(before: Losses, after: Losses, liarsMax: number): number {
  const gains = [...sharesOf(after, before).values()]
  gains.sort((a, b) => b - a)
  const counted = gains.slice(Math.min(liarsMax, Math.max(0, gains.length - 1)))
  const most = Math.max(0, counted[0] ?? 0)
  return counted.reduce((sum, gain) => sum + Math.max(gain, -most), 0) / Math.max(1, counted.length)
}

/**
 * What a group is worth to those who are not in it: the middle of what they gain by what it alone has
 * counted. In its own rows even a liar may do well; others have nothing of it.
 */
export function worthToOthers(
  group: readonly PeerId[],
  before: Losses,
  after: Losses,
): number | undefined {
  const others = new Map([...after].filter(([host]) => !group.includes(host)))
  const gains = [...sharesOf(others, before).values()]
  return gains.length === 0 ? undefined : median(gains)
}
