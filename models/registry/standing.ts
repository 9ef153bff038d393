/**
 * How a version does, attempt by attempt: each time what it has said beside what was said without it.
 * Only the latest attempts count, so that what gets worse is seen.
 */

import { logOf, rangeLoss } from '../measures/duration.ts'
import { median } from '../measures/quantiles.ts'
import type { Range } from '../rows.ts'

/** Of one attempt that has ended. */
export interface Judgement {
  /** Of logarithms, as everything else is judged. */
  readonly loss: number
  /** Of what it is to be better than: what is active, else what history alone says. */
  readonly rival: number
  /** Of what history alone says. */
  readonly plain: number
  /** Whether it took as long as was said, from the tenth to the nine tenths. */
  readonly isWithin: boolean
}

/** What a host says of a version, over the latest attempts. */
export interface Standing {
  /** That were judged in all, these included. */
  readonly attempts: number
  /** Of the latest, that the rest is of. */
  readonly n: number
  readonly loss: number
  readonly rival: number
  readonly plain: number
  /** Share of them that took as long as was said. */
  readonly within: number
}

export const standingLimits = {
  /** Attempts of one host that are looked back on. */
  window: 128,
  /** One attempt counts no more than this, however absurd it was: it would take e^20 times as long. */
  lossMax: 10,
} as const

export function judged(
  said: Range,
  rival: Range | undefined,
  plain: Range,
  actualMs: number,
): Judgement {
  const actual = logOf(actualMs)
  const lossOf = (range: Range) => Math.min(standingLimits.lossMax, rangeLoss(range, actual))
  return {
    loss: lossOf(said),
    rival: lossOf(rival ?? plain),
    plain: lossOf(plain),
    isWithin: actualMs >= said.p10 && actualMs <= said.p90,
  }
}

/** The latest judgements of one version on one host. */
export class Tally {
  readonly #latest: Judgement[] = []
  #attempts = 0

  add(judgement: Judgement): void {
    this.#attempts++
    this.#latest.push(judgement)
    if (this.#latest.length > standingLimits.window) this.#latest.shift()
  }

  get standing(): Standing {
    const all = this.#latest
    const n = all.length
    const mean = (of: (one: Judgement) => number) =>
      n === 0 ? 0 : all.reduce((sum, one) => sum + of(one), 0) / n
    return {
      attempts: this.#attempts,
      n,
      loss: mean(({ loss }) => loss),
      rival: mean(({ rival }) => rival),
      plain: mean(({ plain }) => plain),
      within: mean(({ isWithin }) => (isWithin ? 1 : 0)),
    }
  }
}

/** Whoever says more than can be so is not heard. */
export function isSensible({ attempts, n, loss, rival, plain, within }: Standing): boolean {
  const { window, lossMax } = standingLimits
  const isLoss = (value: number) => value >= 0 && value <= lossMax
  return (
    n <= attempts && n <= window && [loss, rival, plain].every(isLoss) && within >= 0 && within <= 1
  )
}

/** What several hosts say, as people are shown it: each attempt counts, and no host more than a window. */
export function together(all: readonly Standing[]): Standing {
  const n = all.reduce((sum, one) => sum + one.n, 0)
  const mean = (of: (one: Standing) => number) =>
    n === 0 ? 0 : all.reduce((sum, one) => sum + of(one) * one.n, 0) / n
  return {
    attempts: all.reduce((sum, one) => sum + one.attempts, 0),
    n,
    loss: mean(({ loss }) => loss),
    rival: mean(({ rival }) => rival),
    plain: mean(({ plain }) => plain),
    within: mean(({ within }) => within),
  }
}

/** A host that has judged fewer has no voice: it says more of chance than of the version. */
const attemptsOfVoice = 4
/** Of so many the median decides, whatever one of them says. */
const medianMin = 3
/** What hardly misses is no better than what misses half as much. */
const lossMin = 1e-3

export function voicesIn(all: readonly Standing[]): Standing[] {
  return all.filter(({ n }) => n >= attemptsOfVoice)
}

/** Whether work has ended there since it was learned. */
function doesWork({ attempts }: Standing): boolean {
  return attempts > 0
}

export interface Gain {
  readonly low: number
  readonly high: number
}

/**
 * By what share hosts are better off with it than with `rival` or `plain`: 0.1 for a tenth, below
 * zero where they are worse off. Of three hosts and more it is the median, and half of them would
 * have to lie about it; two have to agree, for it lies between them. Undefined where one host alone
 * has a voice, though there are others, and where no more than half of those that do work have one.
 */
export function gainOf(all: readonly Standing[], over: 'rival' | 'plain'): Gain | undefined {
  const gains = voicesIn(all).map(
    (one) => 1 - Math.max(lossMin, one.loss) / Math.max(lossMin, one[over]),
  )
  if (gains.length === 0 || (gains.length === 1 && all.length > 1)) return undefined
  if (2 * gains.length <= all.filter(doesWork).length) return undefined
  if (gains.length < medianMin) return { low: Math.min(...gains), high: Math.max(...gains) }
  return { low: median(gains), high: median(gains) }
}
