/** What whoever leads does next about rounds, by what the ledger says. Pure: it decides, `desk.ts` acts. */
import { strides } from '../../../models/federation/rounds/course.ts'
import type { Family } from '../../../models/registry/learned.ts'
import { roundsLimits } from './limits.ts'
import { isHeard, type Round, type Rounds, type Tally } from './rows.ts'
import { wishedFamily } from './wish.ts'

export type Due =
  /** A leader of an earlier turn has left it open: masks cannot be taken over. */
  | { readonly kind: 'closeLost' }
  /** A wish that nobody has heard yet is counted from now on. */
  | { readonly kind: 'hear'; readonly tally: Tally }
  | {
      readonly kind: 'begin'
      readonly by: string
      readonly family: Family
      /** Has its turn where nothing can begin of `family`: both are chosen, and neither holds up the other. */
      readonly other?: Family
    }
  | undefined

export const SCHEDULE = 'the schedule'

export function dueIn(rounds: Rounds, nowMs: number): Due {
  const { last, wish, tally } = rounds
  if (last?.state === 'open') return { kind: 'closeLost' }
  if (wish !== undefined && !isHeard(rounds)) {
    const left = Math.min(wish.count, roundsLimits.countMax)
    const heard = { wishMs: wish.atMs, heard: rounds.wishRevision }
    return { kind: 'hear', tally: { ...tally, ...heard, left, lost: 0 } }
  }
  if (tally.left > 0) {
    const wished = wishedFamily(wish)
    const turn = wished === undefined ? turnIn(rounds) : { family: wished }
    return { kind: 'begin', by: wish?.by ?? SCHEDULE, ...turn }
  }
  if (!isScheduled(rounds, nowMs)) return undefined
  return { kind: 'begin', by: SCHEDULE, ...turnIn(rounds) }
}

/** In turn where both are chosen; counts have no noise, so where there is some it is the network's turn. */
function turnIn({ settings, last }: Rounds): { family: Family; other?: Family } {
  const { family, noise } = settings
  if (family !== 'both') return { family }
  if (noise > 0) return { family: 'net' }
  return last?.family === 'net'
    ? { family: 'trees', other: 'net' }
    : { family: 'net', other: 'trees' }
}

/**
 * Whether the other family has its turn though this round has failed: what it failed of may be of its
 * own. Where the one before it, of the same wish, has failed too, neither gets anywhere.
 */
export function isOtherNext(
  rounds: Rounds,
  before: Pick<Round, 'number' | 'state'> | undefined,
): boolean {
  const { wish } = rounds
  if (wishedFamily(wish) !== undefined || turnIn(rounds).other === undefined) return false
  return before?.state !== 'failed' || before.number <= (wish?.after ?? 0)
}

/** A calendar that was set back must not keep a mesh from learning for as long as that. */
function isScheduled({ settings, settingsMs, tally }: Rounds, nowMs: number): boolean {
  if (settings.everyMs === 0) return false
  const sinceMs = Math.max(settingsMs, tally.openedMs)
  return nowMs - sinceMs >= settings.everyMs || nowMs < sinceMs - settings.everyMs
}

/** How many rounds people still wait for. */
export function awaitedIn(rounds: Rounds): number {
  const { wish, tally } = rounds
  if (wish === undefined) return 0
  return isHeard(rounds) ? tally.left : Math.min(wish.count, roundsLimits.countMax)
}

/**
 * For a round that begins with numbers of chance: how far those before had come says nothing of them.
 * Where none was kept since, they began so as well.
 */
export function begunAnew(rounds: Rounds): Rounds {
  if (rounds.tally.kept === 0) return rounds
  return { ...rounds, tally: { ...rounds.tally, kept: 0, stride: 1 }, last: undefined }
}

export function afterRound(
  tally: Tally,
  ended: {
    state: 'kept' | 'rejected' | 'failed'
    family: Family
    hasLiars?: boolean
    hasUncounted?: boolean
    isOtherNext?: boolean
  },
): Tally {
  const { state, family, hasLiars = false, hasUncounted = false, isOtherNext = false } = ended
  const isOfNet = family === 'net'
  const less = Math.max(0, tally.left - 1)
  // What has failed once would fail again, and whoever wants more asks again; but not without its liars,
  // and not of other halves than those that one update has spoiled, nor of the other family.
  const leftAfterFailed = hasLiars ? tally.left : hasUncounted || isOtherNext ? less : 0
  return {
    ...tally,
    // Rates and steps are of the network's learning.
    kept: tally.kept + Number(isOfNet && state === 'kept'),
    left: state === 'failed' ? leftAfterFailed : less,
    lost: 0,
    stride: isOfNet ? strideAfter(tally.stride, state) : tally.stride,
  }
}

/** From masking on a sum may be opened, whatever becomes of the round: what noise hides is spent then. */
export function afterMasking(
  tally: Tally,
  { noise, hosts }: { noise: number; hosts: number },
): Tally {
  if (noise <= 0) return { ...tally, bare: tally.bare + 1 }
  return {
    ...tally,
    noisy: tally.noisy + 1,
    noiseLeast: tally.noisy === 0 ? noise : Math.min(tally.noiseLeast, noise),
    hostsMost: Math.max(tally.hostsMost ?? 0, hosts),
  }
}

/** As `Federation` has it: where a step was too far, the next ones are shorter. */
function strideAfter(stride: number, state: 'kept' | 'rejected' | 'failed'): number {
  if (state === 'kept') return Math.min(1, stride * strides.afterKept)
  return state === 'rejected' ? Math.max(strides.min, stride * strides.afterUndone) : stride
}

export function afterLost(tally: Tally): Tally {
  const lost = tally.lost + 1
  return { ...tally, lost, left: lost >= roundsLimits.lostMax ? 0 : tally.left }
}
