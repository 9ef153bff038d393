/**
 * Whether a version goes on from shadow to canary to active, is rejected, or taken back: from what
 * hosts say of it, by attempts that ended after it was learned. Pure: a decision, with its reasons.
 */
import { type Gain, gainOf, type Standing, together, voicesIn } from './standing.ts'
import { familyOf, type RegistryView, shadowsIn, type Version } from './versions.ts'

export const promotingLimits = {
  /** Judged attempts, on all hosts together, before a shadow or a canary goes on. */
  shadowAttempts: 40,
  canaryAttempts: 40,
  /** And before one that is active is taken back. */
  activeAttempts: 60,
  /** Where the median host and the mean over all attempts say otherwise, so many times as many are waited for. */
  patience: 3,
  /** It may be so much worse than what it would replace: chance is no reason to reject it. */
  worseByMax: 0.01,
  /** And so much worse than history alone, when it is active already. */
  activeWorseByMax: 0.1,
  /**
   * And more where few attempts say so: by this over the root of how many there are. Medians of hosts
   * stray by 0.3 to 0.5 over that root for times like a bell or evenly spread, and by one for times of
   * which a few are far longer (measured); and hosts are asked again and again.
   */
  activeStray: 1,
} as const

export type Decision =
  | {
      readonly kind: 'move'
      readonly hash: string
      readonly to: 'canary' | 'active' | 'rejected'
      readonly why: string
    }
  | { readonly kind: 'rollBack'; readonly why: string }

/** By hash, what each host says of that version in the state that it is in. */
export type Reports = ReadonlyMap<string, readonly Standing[]>

export function decided(view: RegistryView, reports: Reports): Decision | undefined {
  const { active, canary } = view
  if (active !== undefined) {
    const why = whyTakenBack(reports.get(active.hash) ?? [])
    if (why !== undefined) return { kind: 'rollBack', why }
  }
  for (const version of [canary, ...shadowsIn(view)]) {
    const decision = version && decidedOf(version, reports.get(version.hash) ?? [], active)
    if (version === undefined || decision === undefined) continue
    const isNext = decision.kind === 'move' && decision.to === 'canary'
    if (isNext && waitsFor(canary, version, reports)) continue
    return decision
  }
  return undefined
}

/**
 * A newer version of a family has in it what the one before has learned, and takes its place. Of the
 * other family it has not: it waits until that one was judged, or as long as that may take at most.
 */
function waitsFor(canary: Version | undefined, version: Version, reports: Reports): boolean {
  if (canary === undefined || familyOf(canary) === familyOf(version)) return false
  const { canaryAttempts, patience } = promotingLimits
  const seen = (reports.get(canary.hash) ?? []).map(({ attempts }) => attempts)
  return !areSeen(seen, patience * canaryAttempts)
}

function decidedOf(
  { hash, state }: Version,
  reports: readonly Standing[],
  active: Version | undefined,
): Decision | undefined {
  const { shadowAttempts, canaryAttempts, worseByMax, patience } = promotingLimits
  const enough = state === 'canary' ? canaryAttempts : shadowAttempts
  const gain = gainOf(reports, 'rival')
  const seen = reports.map(({ attempts }) => attempts)
  if (gain === undefined || !areSeen(seen, enough)) return undefined
  const { n, loss, rival } = together(reports)
  const isGood = gain.low >= -worseByMax
  if (!isGood && gain.high >= -worseByMax) return undefined
  // A few attempts more on another host, and it may look otherwise.
  const isClear = isGood === loss <= rival * (1 + worseByMax)
  if (!isClear && !areSeen(seen, patience * enough)) return undefined
  const beside = active === undefined ? 'history alone' : 'the active one'
  const figures = `${loss.toFixed(3)} beside ${rival.toFixed(3)} of ${beside}, by ${n} attempts on ${reports.length} hosts`
  const why = `${shareText(gain)} for the median host: ${figures}`
  if (!isGood) return { kind: 'move', hash, to: 'rejected', why }
  return { kind: 'move', hash, to: state === 'canary' ? 'active' : 'canary', why }
}

function whyTakenBack(said: readonly Standing[]): string | undefined {
  const { activeAttempts, activeWorseByMax, activeStray, patience } = promotingLimits
  // It is in use: hosts that do hardly any work are not waited for.
  const reports = voicesIn(said)
  // And one alone does not decide, where there are others.
  if (reports.length === 1 && said.length > 1) return undefined
  const { n, loss, plain } = together(reports)
  const gain = gainOf(reports, 'plain')
  // Of the latest attempts, which its error is told of, and not of all that it was ever judged by.
  const latest = reports.map((one) => one.n)
  const worseByMax = activeWorseByMax + activeStray / Math.sqrt(Math.max(1, n))
  if (gain === undefined || gain.high >= -worseByMax) return undefined
  const isClear = loss > plain * (1 + activeWorseByMax)
  if (!areSeen(latest, isClear ? activeAttempts : patience * activeAttempts)) return undefined
  return `of late ${shareText(gain)} than history alone for the median host: ${loss.toFixed(3)} beside ${plain.toFixed(3)}, by ${n} attempts on ${reports.length} hosts`
}

/**
 * So many attempts, host by host as they say, of which none counts for more than it would if half of
 * those that do work had seen all of them: whoever says that it has seen thousands has seen its share.
 */
function areSeen(attempts: readonly number[], enough: number): boolean {
  const workers = attempts.filter((each) => each > 0).length
  const sharing = Math.min(attempts.length, Math.max(2, Math.ceil(workers / 2)))
  const most = Math.ceil(enough / Math.max(1, sharing))
  return attempts.reduce((sum, each) => sum + Math.min(each, most), 0) >= enough
}

/** The least of it. */
function shareText({ low, high }: Gain): string {
  const least = high < 0 ? high : low
  return `${Math.abs(100 * least).toFixed(1)}% ${least < 0 ? 'worse' : 'better'}`
}

/** Whether a host is among the fifth that speaks by a canary: the same on all, while they see the same hosts. */
export function isCanaryHost(
  version: string,
  host: string,
  hosts: readonly string[],
  rankOf: (text: string) => string,
): boolean {
  const count = Math.max(1, Math.floor(hosts.length / 5))
  const ranked = hosts
    .map((id) => ({ id, rank: rankOf(`${version} ${id}`) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
  return ranked.slice(0, count).some(({ id }) => id === host)
}
