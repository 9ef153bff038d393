/**
 * How long work of one kind takes on each host, by what each host says: a few attempts say little of a
 * host, and what all hosts say together stands in for the rest.
 */
import { quantile, sortedOf } from '../measures/quantiles.ts'
import type { Range } from '../rows.ts'
import { levelsOf } from './levels.ts'
import { profileLimits } from './limits.ts'
import { type AllTold, type Estimate, estimateOf } from './pooling.ts'
import { pooled } from './quantiles.ts'

export interface TaskTimes {
  /** On all hosts together. */
  readonly range: Range
  /** In the middle, by host; of hosts that are not in it nothing is known but `range`. */
  readonly byHost: ReadonlyMap<string, HostTime>
}

export interface HostTime {
  readonly ms: number
  /** Attempts there that speak for it. */
  readonly n: number
}

/** What all hosts say counts as so many attempts of each. */
const DOUBT = 2

/** Undefined where there is no ground to say anything. */
export function timesByHost(
  group: string,
  task: string,
  told: AllTold,
  { tookMs }: Estimate = estimateOf(group, task, told),
): TaskTimes | undefined {
  if (tookMs === undefined) return undefined
  const { source, by, ...all } = tookMs
  // What a model says, it says of the task itself.
  const spoken = by === undefined ? source : 'history'
  const key = levelsOf(group, task).find((level) => level.source === spoken)?.key ?? ''
  const said = (told.get(key) ?? []).flatMap(({ host, tookMs: plain, advised: there = plain }) => {
    return host === undefined || there === undefined || there.n === 0 ? [] : [{ host, there }]
  })
  const held = heldTogether(said.map(({ there }) => there))
  const range = said.length < MIDDLE_OF ? all : { ...(pooled(held) ?? all), n: all.n }
  const byHost = new Map<string, HostTime>()
  for (const [i, { host, there }] of said.entries()) {
    byHost.set(host, { ms: between({ ...(held[i] as Range), n: there.n }, range), n: there.n })
  }
  return { range, byHost }
}

/**
 * No host is taken to be so many times quicker or slower than the one in the middle: whoever lies
 * draws work to itself no more than so, and does not change what others are held to.
 */
const FACTOR_MAX = 8
/** Of fewer hosts none is in the middle. */
const MIDDLE_OF = 3
/** Who has done more than most speaks no louder, but for so many attempts. */
const LOUD_MIN = 20

function heldTogether(ranges: readonly Range[]): Range[] {
  if (ranges.length < MIDDLE_OF) return [...ranges]
  const middleOf = (figure: keyof Range) =>
    quantile(sortedOf(ranges.map((each) => each[figure])), 0.5)
  const held = (value: number, middle: number) =>
    Math.min(middle * FACTOR_MAX, Math.max(middle / FACTOR_MAX, value))
  const [p10, p50, p90, n] = [middleOf('p10'), middleOf('p50'), middleOf('p90'), middleOf('n')]
  return ranges.map((each) => ({
    p10: held(each.p10, p10),
    p50: held(each.p50, p50),
    p90: held(each.p90, p90),
    n: Math.min(each.n, Math.max(LOUD_MIN, n)),
  }))
}

/** Of logarithms, as times are compared by their ratio. A liar is not believed more than all can be. */
function between(there: Range, all: Range): number {
  const n = Math.min(there.n, profileLimits.attemptsPerKind)
  const own = Math.log(Math.max(1, there.p50))
  const others = Math.log(Math.max(1, all.p50))
  return Math.exp((n * own + DOUBT * others) / (n + DOUBT))
}
