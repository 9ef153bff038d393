/**
 * How much wider, or narrower, ranges must be said to hold as often as they should (conformalised
 * quantile regression, Romano et al. 2019, each side by itself). Learned from answers to what was
 * held back, of all applications together: how much the next thirty percent differ from the seventy
 * before is a matter of luck for each, and not for all (tried on the shared traces: margins of each
 * application by itself held in 68% of cases instead of 83%). And learned on, by application, from
 * every answer that is judged later, a small step each, so that they hold when the world drifts (as
 * in adaptive conformal inference, Gibbs and Candès 2021).
 */

/** Natural logarithms of what was said, and of what it was. */
export interface Answer {
  readonly group: string
  readonly low: number
  readonly middle: number
  readonly high: number
}

export interface JudgedAnswer extends Answer {
  readonly actual: number
}

/** Of each side, in widths of the range. */
interface Margin {
  below: number
  above: number
}

/** What may lie beyond each end. */
const BEYOND = 0.1
/** Ranges are thought to be at least so wide: what always takes as long is not known to the last digit. */
const WIDTH_MIN = 0.02
/** Of a width, for each answer that is judged. */
const STEP = 0.02
const MARGIN_MAX = 3
/** Of which margins are kept; beyond, all begin anew with the common ones. */
const GROUPS_MAX = 10_000

export class Margins {
  readonly #common: Margin
  readonly #groups = new Map<string, Margin>()

  constructor(judged: readonly JudgedAnswer[]) {
    this.#common = marginOf(judged)
  }

  applied<A extends Answer>(answer: A): A {
    const { below, above } = this.#groups.get(answer.group) ?? this.#common
    const width = widthOf(answer)
    const low = Math.min(answer.middle, answer.low - below * width)
    return { ...answer, low, high: Math.max(answer.middle, answer.high + above * width) }
  }

  /** `judged`: as it was before margins were applied. */
  learn(judged: JudgedAnswer): void {
    let margin = this.#groups.get(judged.group)
    if (margin === undefined) {
      margin = { ...this.#common }
      if (this.#groups.size >= GROUPS_MAX) this.#groups.clear()
      this.#groups.set(judged.group, margin)
    }
    const { below, above } = beyond(judged)
    margin.below = moved(margin.below, below)
    margin.above = moved(margin.above, above)
  }
}

function moved(margin: number, beyond: number): number {
  const next = margin + STEP * ((beyond > margin ? 1 : 0) - BEYOND)
  return Math.max(-MARGIN_MAX, Math.min(MARGIN_MAX, next))
}

function widthOf({ low, high }: Answer): number {
  return Math.max(WIDTH_MIN, high - low)
}

/** How far it lay beyond each end, in widths; less than 0 where it lay within. */
function beyond(judged: JudgedAnswer): Margin {
  const width = widthOf(judged)
  const { low, high, actual } = judged
  return { below: (low - actual) / width, above: (actual - high) / width }
}

function marginOf(judged: readonly JudgedAnswer[]): Margin {
  const all = judged.map(beyond)
  return {
    below: enough(all.map(({ below }) => below)),
    above: enough(all.map(({ above }) => above)),
  }
}

/** So that no more than the share that may, lies beyond; of so few that it cannot be said, none. */
function enough(beyond: readonly number[]): number {
  if (beyond.length === 0) return 0
  const sorted = beyond.toSorted((a, b) => a - b)
  const rank = Math.ceil((sorted.length + 1) * (1 - BEYOND))
  const margin = sorted[Math.min(rank, sorted.length) - 1] as number
  return Math.max(-MARGIN_MAX, Math.min(MARGIN_MAX, margin))
}
