/** Whether what came of a round is kept: by what hosts say of it, each on rows that it held back. */

import { federationLimits } from '../../../models/federation/limits.ts'
import {
  boundedAdvantage,
  isWorse,
  type Losses,
  trimmedLoss,
} from '../../../models/federation/rounds/votes.ts'

export interface Decision {
  readonly state: 'kept' | 'rejected'
  readonly why: string
  /** What hosts said of each, in the mean without those farthest off. It need not fall as they gain. */
  readonly lossBefore?: number
  readonly lossAfter?: number
}

/**
 * `voices`: of so many hosts that have something to say. Those few who happen to answer do not decide
 * for the others: more than half have to be heard.
 */
export function decided(
  before: Losses,
  after: Losses,
  { liars, voices }: { liars: number; voices: number },
): Decision {
  const needed = Math.max(federationLimits.clientsMin, 2 * liars + 1, Math.floor(voices / 2) + 1)
  if (after.size < needed) {
    const of = voices > after.size ? ` of ${voices}` : ''
    return { state: 'rejected', why: `${after.size}${of} hosts have voted; ${needed} are needed` }
  }
  const gained = boundedAdvantage(after, before, liars)
  const losses = { lossBefore: trimmedLoss(before, liars), lossAfter: trimmedLoss(after, liars) }
  if (isWorse(before, after, liars)) {
    const beside = liars === 0 ? 'a host is' : `more than ${liars} hosts are`
    return { state: 'rejected', why: `${beside} clearly worse off with it`, ...losses }
  }
  // Host by host: who is in the middle with one need not be there with the other.
  const share = 1 - Math.exp(-gained)
  const percent = (100 * Math.abs(share)).toFixed(1)
  if (!(share > 0)) {
    const more = share < 0 ? `: host by host, in the middle they are off by ${percent}% more` : ''
    return { state: 'rejected', why: `hosts are no better off with it${more}`, ...losses }
  }
  return { state: 'kept', why: `in the middle hosts are off by ${percent}% less`, ...losses }
}
