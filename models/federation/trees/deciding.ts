/**
 * Whether hosts are better off with more trees, by what each says of its own rows. A tree is added to a
 * forest for good, so the question is a harder one than of a net's step: who lies may praise what harms
 * others, and so those who gain most are not counted; and what one loses counts no more than what the
 * best of the others gains, so that no word is without bounds.
 */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import { median } from '../../measures/quantiles.ts'
import type { Losses } from '../rounds/votes.ts'

/** Mean of what hosts gain, as shares of what they were off, without the `liarsMax` who gain most. */
export function gainOf(before: Losses, after: Losses, liarsMax: number): number {
  const gains = [...after].flatMap(([host, loss]) => {
    const share = Math.log((before.get(host) ?? Number.NaN) / loss)
    return Number.isFinite(share) ? [share] : []
  })
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
  const gains = [...after].flatMap(([host, loss]) => {
    const share = Math.log((before.get(host) ?? Number.NaN) / loss)
    return group.includes(host) || !Number.isFinite(share) ? [] : [share]
  })
  return gains.length === 0 ? undefined : median(gains)
}
