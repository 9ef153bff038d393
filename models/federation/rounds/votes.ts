/**
 * Whether hosts are better off with what came of a round, each by rows of its own that it did not
 * train on. A host says one number, how far the model is off on these; some may lie about it.
 */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import { median } from '../../measures/quantiles.ts'

export type Losses = ReadonlyMap<PeerId, number>

/** From one round to the next a good model is now and then a little worse for some. */
const worseByMax = 0.05

/**
 * How much worse the model is for a host, relative to before, beside more than `liarsMax` others for
 * whom it is at least that much worse: so no liars alone can say so. Infinite when too few can tell.
 */
export function worsening(before: Losses, after: Losses, liarsMax: number): number {
  const changes = [...after].flatMap(([host, loss]) => {
    const was = before.get(host)
    return was === undefined
      ? []
      : [Number.isFinite(loss) ? loss / was - 1 : Number.POSITIVE_INFINITY]
  })
  changes.sort((a, b) => b - a)
  return changes[liarsMax] ?? Number.POSITIVE_INFINITY
}

export function isWorse(before: Losses, after: Losses, liarsMax: number): boolean {
  return worsening(before, after, liarsMax) > worseByMax
}

/** In the mean without those that are farthest off on either side: for comparing models with each other. */
export function trimmedLoss(losses: Losses, liarsMax: number): number {
  return trimmed([...losses.values()], liarsMax) ?? Number.POSITIVE_INFINITY
}

/** By what share hosts are better off with the first, without those who say so or the opposite most. */
export function advantage(first: Losses, second: Losses, liarsMax: number): number {
  return trimmed([...sharesOf(first, second).values()], liarsMax) ?? 0
}

/** One host's word counts no more than so many times what is usual of those that gain or lose at all. */
const shareMax = 3

/** The same, with no word of more than so much weight: of those that are heard more may lie than are cut. */
export function boundedAdvantage(first: Losses, second: Losses, liarsMax: number): number {
  const shares = [...sharesOf(first, second).values()]
  const most = shareMax * median(shares.filter((share) => share !== 0).map(Math.abs))
  const bounded = shares.map((share) => Math.max(-most, Math.min(most, share)))
  return trimmed(bounded, liarsMax) ?? 0
}

/** By what share each is better off with the first, as a logarithm: of those who say a number of both. */
export function sharesOf<Id extends string>(
  first: ReadonlyMap<Id, number>,
  second: ReadonlyMap<Id, number>,
): Map<Id, number> {
  const shares = new Map<Id, number>()
  for (const [host, loss] of first) {
    const share = Math.log((second.get(host) ?? Number.NaN) / loss)
    if (Number.isFinite(share)) shares.set(host, share)
  }
  return shares
}

function trimmed(values: readonly number[], liarsMax: number): number | undefined {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  const cut = Math.min(liarsMax, Math.ceil(sorted.length / 2) - 1)
  const middle = sorted.slice(cut, sorted.length - cut)
  if (middle.length === 0) return undefined
  return middle.reduce((sum, value) => sum + value, 0) / middle.length
}
