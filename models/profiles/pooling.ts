/** What several hosts say of one task, as one. */
import type { Range } from '../rows.ts'
import { historyKey, type Level, levelsOf, type Source } from './levels.ts'
import { profileLimits } from './limits.ts'
import type { Advised, Told } from './profiles.ts'
import { pooled } from './quantiles.ts'
import { type Share, shareOf } from './share.ts'

export interface Estimate {
  /** `by`: the version of the common model that has a part in it. */
  readonly tookMs?: Range & { readonly source: Source; readonly by?: string }
  readonly success?: Share & { readonly source: Source }
  readonly peakMemoryBytes?: Range & { readonly source: Source }
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
  const success = first(levels, told, (all) => shareOf(sum(all, 'succeeded'), sum(all, 'tried')))
  const memory = first(levels, told, (all) =>
    pooled(all.flatMap((each) => each.peakMemoryBytes ?? [])),
  )
  return {
    ...(tookMs === undefined ? {} : { tookMs }),
    ...(success === undefined ? {} : { success }),
    ...(memory === undefined ? {} : { peakMemoryBytes: memory }),
  }
}

/** What several say under one key, as if one host said it. Of none it is not asked. */
export function toldTogether(all: readonly Told[]): Told {
  const tookMs = pooled(all.flatMap((each) => each.tookMs ?? []))
  const peakMemoryBytes = pooled(all.flatMap((each) => each.peakMemoryBytes ?? []))
  const advised = advisedOf(all)
  return {
    succeeded: sum(all, 'succeeded'),
    tried: sum(all, 'tried'),
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

function sum(all: readonly Told[], figure: 'succeeded' | 'tried'): number {
  return all.reduce((total, each) => total + each[figure], 0)
}
