/** What several hosts say of one task, as one. */
import type { Range } from '../rows.ts'
import { type Level, levelsOf, type Source } from './levels.ts'
import { profileLimits } from './limits.ts'
import type { Told } from './profiles.ts'
import { pooled } from './quantiles.ts'
import { type Share, shareOf } from './share.ts'

export interface Estimate {
  readonly tookMs?: Range & { readonly source: Source }
  readonly success?: Share & { readonly source: Source }
  readonly peakMemoryBytes?: Range & { readonly source: Source }
}

/** By key, what each host says that has something to say. */
export type AllTold = ReadonlyMap<string, readonly Told[]>

/** Each figure from the likest that there is ground for: figures may come from different levels. */
export function estimateOf(group: string, task: string, told: AllTold): Estimate {
  const levels = levelsOf(group, task)
  const tookMs = first(levels, told, (all) => pooled(all.flatMap((each) => each.tookMs ?? [])))
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
  return {
    succeeded: sum(all, 'succeeded'),
    tried: sum(all, 'tried'),
    ...(tookMs === undefined ? {} : { tookMs }),
    ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
  }
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
