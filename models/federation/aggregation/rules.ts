/**
 * From the updates of several hosts to one, by rules that bear some of them being false. All but the
 * average are for a leader who sees each update; `selecting.ts` says which can do with less.
 */
import { assert } from '../../../protocol/assert.ts'
import { median } from '../../measures/quantiles.ts'
import { everyone, type LeftOut, multiKrum, normBound, type Selecting } from './selecting.ts'
import { clipped, difference, distance, type Numbers, norm, weightedMean } from './vectors.ts'

export interface Contribution {
  readonly from: string
  readonly update: Float32Array
  /** In step with how many rows stand behind it. Who lies about these lies within `weightMax`. */
  readonly weight: number
}

export interface Combined {
  readonly update: Float32Array
  readonly kept: readonly string[]
  readonly leftOut: readonly { readonly from: string; readonly why: LeftOut['why'] }[]
}

/** `liarsMax`: how many false ones it is to bear. */
export type Combine = (contributions: readonly Contribution[], liarsMax: number) => Combined

export const ruleNames = [
  'average',
  'norm-bound',
  'multi-krum',
  'median',
  'trimmed-mean',
  'centred-clipping',
] as const
export type RuleName = (typeof ruleNames)[number]

/** Those for which lengths and distances are enough: they choose, and what is chosen is averaged. */
export const selectingRules: Partial<Record<RuleName, Selecting>> = {
  average: everyone,
  'norm-bound': normBound,
  'multi-krum': multiKrum,
}

export const rules: Readonly<Record<RuleName, Combine>> = {
  average: averageOf(everyone),
  'norm-bound': averageOf(normBound),
  'multi-krum': averageOf(multiKrum),
  median: byCoordinate(median),
  'trimmed-mean': byCoordinate(trimmedMean),
  'centred-clipping': (contributions) => fromFinite(contributions, centredClipping),
}

/** Of a mean, one host's part may count for so many times what the median one counts. */
const weightMax = 4

function averageOf(select: Selecting): Combine {
  return (contributions, liarsMax) => {
    const { kept, leftOut } = select(
      contributions.map(({ update }) => update),
      liarsMax,
    )
    const chosen = kept.map((which) => contributions[which] as Contribution)
    const longest = weightMax * median(chosen.map(({ weight }) => weight))
    return {
      update: weightedMean(
        chosen.map(({ update }) => update),
        chosen.map(({ weight }) => Math.min(weight, longest)),
      ),
      kept: chosen.map(({ from }) => from),
      leftOut: leftOut.map(({ which, why }) => ({ from: nameOf(contributions, which), why })),
    }
  }
}

/** Each number by itself, one voice each (Yin and others 2018): who says how many rows it has is not asked. */
function byCoordinate(middle: (values: number[], liarsMax: number) => number): Combine {
  return (contributions, liarsMax) =>
    fromFinite(contributions, (updates) => {
      const length = updates[0]?.length ?? 0
      return Float32Array.from({ length }, (_, i) =>
        middle(
          updates.map((update) => update[i] as number),
          liarsMax,
        ),
      )
    })
}

/** The mean without the `liarsMax` largest and smallest. */
function trimmedMean(values: number[], liarsMax: number): number {
  const most = Math.max(0, Math.ceil(values.length / 2) - 1)
  const cut = Math.min(liarsMax, most)
  const sorted = values.sort((a, b) => a - b).slice(cut, values.length - cut)
  return sorted.reduce((sum, value) => sum + value, 0) / sorted.length
}

/** As often as brings it near its end: each time the radius is what the median one needs. */
const clippingTurns = 5

/**
 * Karimireddy and others 2021: from a robust middle, what lies within a radius counts whole and what
 * lies beyond it counts as if it lay there. The radius is the median distance, so that nobody has to
 * know how long updates are.
 */
function centredClipping(updates: readonly Numbers[]): Float32Array {
  const length = updates[0]?.length ?? 0
  let centre = Float32Array.from({ length }, (_, i) =>
    median(updates.map((update) => update[i] as number)),
  )
  for (let turn = 0; turn < clippingTurns; turn++) {
    const radius = median(updates.map((update) => distance(update, centre)))
    const steps = updates.map((update) => clipped(difference(update, centre), radius))
    const step = weightedMean(
      steps,
      steps.map(() => 1),
    )
    centre = centre.map((value, i) => value + (step[i] as number))
    if (norm(step) <= 1e-6 * radius) break
  }
  return centre
}

function fromFinite(
  contributions: readonly Contribution[],
  combine: (updates: Float32Array[]) => Float32Array,
): Combined {
  const finite = contributions.filter(({ update }) => update.every(Number.isFinite))
  assert(finite.length > 0, 'there must be an update to combine')
  return {
    update: combine(finite.map(({ update }) => update)),
    kept: finite.map(({ from }) => from),
    leftOut: contributions
      .filter((one) => !finite.includes(one))
      .map(({ from }) => ({ from, why: 'notFinite' as const })),
  }
}

function nameOf(contributions: readonly Contribution[], which: number): string {
  return (contributions[which] as Contribution).from
}
