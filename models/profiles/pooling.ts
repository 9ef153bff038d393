/** What several hosts say of one task, as one. */
import type { Range } from '../rows.ts'
import { historyKey, type Level, levelsOf, type Source } from './levels.ts'
import { profileLimits } from './limits.ts'
import type { Advised, Told, Tries } from './profiles.ts'
import { pooled } from './quantiles.ts'
import { type Share, shareOf } from './share.ts'

export interface Estimate {
  /** `by`: the version of the common model that has a part in it. */
  readonly tookMs?: Range & { readonly source: Source; readonly by?: string }
  readonly success?: Success & { readonly source: Source }
  readonly peakMemoryBytes?: Range & { readonly source: Source }
}

export interface Success extends Share {
  /** Those that `share` is made of, all of them and, where it differs much, the newest. */
  readonly all: Tries
  readonly lately?: Tries
  /** A host where far more fail than on the others. */
  readonly worst?: Tries & { readonly host: string; readonly elsewhere: Tries }
}

/** By key, what each host says that has something to say. */
export type AllTold = ReadonlyMap<string, readonly Told[]>

/** Each figure from the likest that there is ground for: figures may come from different levels. */
export function estimateOf(group: string, task: string, told: AllTold): Estimate {
  const levels = levelsOf(group, task)
  const plain = first(levels, told, (all) => pooled(all.flatMap((each) => each.tookMs ?? [])))
  // A model alone is no ground: somebody must have done such work.
  const advised = plain && advisedOf(told.get(historyKey(group, task)) ?? [])
  const tookMs = plain && { ...plain, ...advised }
  const success = first(levels, told, successOf)
  const memory = first(levels, told, (all) =>
    pooled(all.flatMap((each) => each.peakMemoryBytes ?? [])),
  )
  return {
    ...(tookMs === undefined ? {} : { tookMs }),
    ...(success === undefined ? {} : { success }),
    ...(memory === undefined ? {} : { peakMemoryBytes: memory }),
  }
}

/** Shares that are so far apart are worth a word. */
const APART = 0.2

function successOf(all: readonly Told[]): Success | undefined {
  const tries = triesOf(all)
  const plain = shareOf(tries.succeeded, tries.tried)
  if (plain === undefined) return undefined
  const chances = all.reduce((total, each) => total + each.tried * chanceOf(each), 0)
  const share = chances / tries.tried
  const lately = latelyOf(all)
  const worst = worstOf(all, tries)
  return {
    ...plain,
    share,
    low: Math.min(plain.low, share),
    high: Math.max(plain.high, share),
    all: tries,
    ...(lately && isApart(lately, tries) ? { lately } : {}),
    ...(worst === undefined ? {} : { worst }),
  }
}

function chanceOf({ chance, succeeded, tried }: Told): number {
  return chance ?? succeeded / Math.max(1, tried)
}

/** A host that has tried no more than these has told of all of them. */
function latelyOf(all: readonly Told[]): Tries | undefined {
  return triesOf(all.map(({ lately, succeeded, tried }) => lately ?? { succeeded, tried }))
}

function worstOf(all: readonly Told[], whole: Tries): Success['worst'] {
  let worst: Success['worst']
  for (const { host, succeeded, tried } of all) {
    const elsewhere = { succeeded: whole.succeeded - succeeded, tried: whole.tried - tried }
    const isKnown = tried >= profileLimits.groundMin && elsewhere.tried >= profileLimits.groundMin
    if (host === undefined || !isKnown) continue
    if (shareIn(elsewhere) - succeeded / tried < APART) continue
    if (worst === undefined || succeeded / tried < shareIn(worst)) {
      worst = { host, succeeded, tried, elsewhere }
    }
  }
  return worst
}

function isApart(a: Tries, b: Tries): boolean {
  return a.tried >= profileLimits.groundMin && Math.abs(shareIn(a) - shareIn(b)) >= APART
}

function shareIn({ succeeded, tried }: Tries): number {
  return succeeded / Math.max(1, tried)
}

function triesOf(all: readonly Tries[]): Tries {
  const of = (figure: keyof Tries) => all.reduce((total, each) => total + each[figure], 0)
  return { succeeded: of('succeeded'), tried: of('tried') }
}

/** What several say under one key, as if one host said it. Of none it is not asked. */
export function toldTogether(all: readonly Told[]): Told {
  const tookMs = pooled(all.flatMap((each) => each.tookMs ?? []))
  const peakMemoryBytes = pooled(all.flatMap((each) => each.peakMemoryBytes ?? []))
  const advised = advisedOf(all)
  const tries = triesOf(all)
  const [success, lately] = [successOf(all), latelyOf(all)]
  return {
    ...tries,
    ...(success === undefined ? {} : { chance: success.share }),
    ...(lately && lately.tried < tries.tried ? { lately } : {}),
    ...(tookMs === undefined ? {} : { tookMs }),
    ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
    ...(advised === undefined ? {} : { advised }),
  }
}

/** Of hosts that believe a model what it says there, of all others what their history says. */
function advisedOf(all: readonly Told[]): Advised | undefined {
  const by = all.find((each) => each.advised !== undefined)?.advised?.by
  if (by === undefined) return undefined
  const range = pooled(all.flatMap((each) => each.advised ?? each.tookMs ?? []))
  return range && { p10: range.p10, p50: range.p50, p90: range.p90, n: range.n, by }
}

function first<T extends { readonly n: number }>(
  levels: readonly Level[],
  told: AllTold,
  of: (all: readonly Told[]) => T | undefined,
): (T & { readonly source: Source }) | undefined {
  for (const { key, source } of levels) {
    const found = of(told.get(key) ?? [])
    if (found !== undefined && found.n >= profileLimits.groundMin) return { ...found, source }
  }
  return undefined
}
